package clearing_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// A log of 400 commands of every kind, most of them refused, and what b07b91f
// folded it to: this version must fold the same bytes to the same decisions.
func TestLogOfAnEarlierVersionFoldsToTheSame(t *testing.T) {
	history, err := os.ReadFile("testdata/b07b91f.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	log := ingesttest.NewLog(1)
	for line := range bytes.Lines(history) {
		if _, err := log.Append(t.Context(), ingest.TopicControl, &ingest.Envelope{}, bytes.TrimSpace(line)); err != nil {
			t.Fatal(err)
		}
	}
	m, err := control.Open(t.Context(), log, control.Options{Now: func() ocpi.Time { return 1 }})
	if err != nil {
		t.Fatal(err)
	}
	installation, partners, keys, closes := control.NewInstallation(m), control.NewPartners(m), control.NewKeys(m), clearing.NewCloses(m)
	// Followed no longer, so that the tokens used below end no rotation.
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	if err := m.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	cdrs, _ := installation.Topic(ingest.TopicCDRs)
	tokens := map[string]string{}
	for i := 1; i <= 8; i++ {
		token := fmt.Sprint("token-number-", i)
		for _, header := range []string{token, base64.StdEncoding.EncodeToString([]byte(token))} {
			if p, ok := partners.Authenticate("Token " + header); ok {
				tokens[token] = p.ID
			}
		}
	}
	got, err := json.MarshalIndent(map[string]any{
		"installation": installation.ID(), "topics": map[ingest.Topic]control.TopicEpoch{ingest.TopicCDRs: cdrs},
		"partners": partners.All(), "keys": keys.All(), "closed": closes.Months(), "tokens": tokens,
	}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/b07b91f.json")
	if err != nil {
		t.Fatal(err)
	}
	then := decoded(t, want)
	if diff := cmp.Diff(then, withoutNew(then, decoded(t, got))); diff != "" {
		t.Error(diff)
	}
}

// decoded keeps numbers as they are written.
func decoded(t *testing.T, text []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// withoutNew returns what there is now without the members that there were not
// then: a later version may know more, of which an earlier log says nothing.
func withoutNew(then, now any) any {
	switch now := now.(type) {
	case map[string]any:
		before, _ := then.(map[string]any)
		for name, v := range now {
			if _, ok := before[name]; !ok && unset(v) {
				delete(now, name)
				continue
			}
			now[name] = withoutNew(before[name], v)
		}
	case []any:
		before, _ := then.([]any)
		for i := range min(len(now), len(before)) {
			now[i] = withoutNew(before[i], now[i])
		}
	}
	return now
}

// unset reports whether nothing has been said of a value.
func unset(v any) bool {
	if members, ok := v.(map[string]any); ok {
		for _, m := range members {
			if !unset(m) {
				return false
			}
		}
		return true
	}
	return v == nil || v == false || v == json.Number("0") || v == ""
}
