// Package floors measures what the parts of the pipeline cost at least, with
// the libraries the product uses: the least any version of it could cost.
package floors

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/segmentio/kafka-go"
	"golang.org/x/sys/unix"
)

const answer = `{"status_code":1000,"status_message":"Success","timestamp":"2026-01-01T00:00:00Z"}`

// ReadHandler is gin reading the body into a kept buffer and answering.
func ReadHandler() http.Handler {
	return handler(func(*ocpi.Decoder, []byte) error { return nil })
}

// DecodeHandler is ReadHandler that also decodes the CDR.
func DecodeHandler() http.Handler {
	return handler(func(d *ocpi.Decoder, body []byte) error {
		_, err := d.CDR(ocpi.V221, body)
		return err
	})
}

func handler(work func(*ocpi.Decoder, []byte) error) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	type kept struct {
		body    []byte
		decoder ocpi.Decoder
	}
	pool := sync.Pool{New: func() any { return &kept{body: make([]byte, 64<<10)} }}
	r := gin.New()
	r.POST("/cdrs", func(c *gin.Context) {
		k := pool.Get().(*kept)
		defer pool.Put(k)
		n := int(min(max(c.Request.ContentLength, 0), int64(len(k.body))))
		if _, err := io.ReadFull(c.Request.Body, k.body[:n]); err != nil {
			c.Status(http.StatusBadRequest)
			return
		}
		if err := work(&k.decoder, k.body[:n]); err != nil {
			c.Status(http.StatusBadRequest)
			return
		}
		c.Header("Location", "/cdrs/1")
		c.Data(http.StatusCreated, "application/json", []byte(answer))
	})
	return r
}

// Cost is processor time per CDR.
type Cost = time.Duration

// Decode is the cost of decoding bodies, n times all of them.
func Decode(bodies [][]byte, n int) (Cost, error) {
	var d ocpi.Decoder
	return cost(n*len(bodies), func() error {
		for range n {
			for _, b := range bodies {
				if _, err := d.CDR(ocpi.V221, b); err != nil {
					return fmt.Errorf("decode: %w", err)
				}
			}
		}
		return nil
	})
}

// Price is the cost of pricing decoded CDRs with prepared tariffs.
func Price(bodies [][]byte, n int) (Cost, error) {
	inputs := make([]tariff.Input, 0, len(bodies))
	zones := map[string]string{"GBR": "Europe/London", "FRA": "Europe/Paris", "USA": "America/Denver"}
	for _, b := range bodies {
		var d ocpi.Decoder // keeps what it decoded
		c, err := d.CDR(ocpi.V221, b)
		if err != nil {
			return 0, fmt.Errorf("decode: %w", err)
		}
		if len(c.Tariffs) == 0 {
			continue
		}
		in := tariff.Input{CDR: c}
		for i := range c.Tariffs {
			p, err := tariff.Prepare(&c.Tariffs[i])
			if err != nil {
				return 0, fmt.Errorf("prepare tariff: %w", err)
			}
			in.Embedded = append(in.Embedded, p)
		}
		if in.Zone, err = tariff.LoadZone(zones[c.Location.Country]); err != nil {
			return 0, err
		}
		inputs = append(inputs, in)
	}
	engine := tariff.NewEngine()
	var result tariff.Result
	return cost(n*len(inputs), func() error {
		for range n {
			for i := range inputs {
				engine.Price(&inputs[i], &result)
			}
		}
		return nil
	})
}

// Produce is the client's cost of writing bodies in large acknowledged
// batches.
func Produce(ctx context.Context, broker, topic string, bodies [][]byte) (Cost, error) {
	w := &kafka.Writer{Addr: kafka.TCP(broker), Topic: topic, RequiredAcks: kafka.RequireAll, BatchSize: 1000, BatchTimeout: time.Millisecond, Balancer: &kafka.RoundRobin{}}
	defer w.Close() //nolint:errcheck // every message was acknowledged or reported
	messages := make([]kafka.Message, len(bodies))
	for i, b := range bodies {
		messages[i].Value = b
	}
	// The first call finds the partitions.
	if err := w.WriteMessages(ctx, messages[0]); err != nil {
		return 0, fmt.Errorf("produce: %w", err)
	}
	return cost(len(bodies), func() error {
		for at := 0; at < len(messages); at += 1000 {
			if err := w.WriteMessages(ctx, messages[at:min(at+1000, len(messages))]...); err != nil {
				return fmt.Errorf("produce: %w", err)
			}
		}
		return nil
	})
}

// Fetch is the client's cost of reading one partition into a kept buffer.
func Fetch(ctx context.Context, broker, topic string) (Cost, error) {
	conn, err := kafka.DialLeader(ctx, "tcp", broker, topic, 0)
	if err != nil {
		return 0, fmt.Errorf("fetch: %w", err)
	}
	defer conn.Close() //nolint:errcheck // only read
	end, err := conn.ReadLastOffset()
	if err != nil || end == 0 {
		return 0, fmt.Errorf("fetch: %d messages in partition 0: %w", end, err)
	}
	buffer := make([]byte, 64<<10)
	if _, err := conn.Seek(0, kafka.SeekAbsolute); err != nil {
		return 0, fmt.Errorf("fetch: %w", err)
	}
	return cost(int(end), func() error {
		for n := int64(0); n < end; {
			batch := conn.ReadBatchWith(kafka.ReadBatchConfig{MinBytes: 1, MaxBytes: 10 << 20})
			for ; n < end; n++ {
				if _, err := batch.Read(buffer); err != nil {
					break // the end of the batch, or Close says more
				}
			}
			if err := batch.Close(); err != nil {
				return fmt.Errorf("fetch: %w", err)
			}
		}
		return nil
	})
}

// cost is the processor time this process spends in work, per CDR.
func cost(n int, work func() error) (Cost, error) {
	before, err := used()
	if err != nil {
		return 0, err
	}
	if err := work(); err != nil {
		return 0, err
	}
	after, err := used()
	if err != nil {
		return 0, err
	}
	return (after - before) / time.Duration(max(n, 1)), nil
}

func used() (time.Duration, error) {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0, fmt.Errorf("read own processor time: %w", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}
