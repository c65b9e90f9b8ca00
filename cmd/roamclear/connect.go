package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/kafka"
	"github.com/roamclear/roamclear/settlement/clickhouse"
)

// Results of a trial.
const (
	trialOK    = "ok"
	trialTold  = "told" // it works all the same
	trialWrong = "wrong"
)

// trial is what was found out about one thing of one server.
type trial struct {
	Backend string `json:"backend"` // kafka, clickhouse
	Server  string `json:"server"`
	Result  string `json:"result"`
	Reason  string `json:"reason,omitempty"`
	What    string `json:"what"`
}

// tryBackends tries every server of the settings, and changes nothing there.
func tryBackends(ctx context.Context, c *Config) ([]trial, error) {
	certs := &certificates{}
	if err := certs.openServers(c, slog.New(slog.DiscardHandler)); err != nil {
		return nil, &exitError{exitUsage, err}
	}
	embedded := []ingest.Trial{{Server: "embedded", What: "in the data directory: there is no server to try"}}
	brokers, stores := embedded, embedded
	var both sync.WaitGroup
	if len(c.Kafka.Brokers) > 0 {
		both.Go(func() { brokers = kafka.Probe(ctx, c.kafkaOptions(certs)) })
	}
	if len(c.Store.Addr) > 0 {
		both.Go(func() { stores = clickhouse.Probe(ctx, c.storeOptions(certs)) })
	}
	both.Wait()
	return append(trialsOf("kafka", brokers), trialsOf("clickhouse", stores)...), nil
}

func trialsOf(backend string, tried []ingest.Trial) []trial {
	trials := make([]trial, len(tried))
	for i, t := range tried {
		one := trial{Backend: backend, Server: t.Server, Result: trialOK, Reason: t.Reason, What: t.What}
		if t.Err != nil {
			one.Result, one.What = trialWrong, t.Err.Error()
		}
		if t.Told {
			one.Result = trialTold
		}
		trials[i] = one
	}
	return trials
}

// printTrials prints them for people.
func printTrials(w io.Writer, trials []trial) error {
	rows := [][]string{{"BACKEND", "SERVER", "RESULT", "REASON", "WHAT"}}
	for _, t := range trials {
		rows = append(rows, []string{t.Backend, t.Server, t.Result, cmp.Or(t.Reason, "–"), strings.ReplaceAll(t.What, "\n", "; ")})
	}
	return printTable(w, rows)
}

// unusable is the error of servers that cannot be worked with, nil where all can.
func unusable(trials []trial) error {
	wrong := 0
	for _, t := range trials {
		if t.Result == trialWrong {
			wrong++
		}
	}
	if wrong == 0 {
		return nil
	}
	return &exitError{1, fmt.Errorf("%d of %d trials failed: the service would not work with these servers", wrong, len(trials))}
}
