package kafka

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// startEmbeddedT starts the embedded broker in a fresh directory.
func startEmbeddedT(tb testing.TB, o EmbeddedOptions) *Embedded {
	tb.Helper()
	if o.Dir == "" {
		o.Dir = tb.TempDir()
	}
	e, err := StartEmbedded(tb.Context(), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := e.Close(); err != nil {
			tb.Error(err)
		}
	})
	return e
}

func openT(tb testing.TB, o Options) *Log {
	tb.Helper()
	l, err := Open(tb.Context(), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := l.Close(); err != nil {
			tb.Error(err)
		}
	})
	return l
}

func testEnvelope(i int) *ingest.Envelope {
	id := fmt.Sprintf("CDR-%06d", i)
	return &ingest.Envelope{
		Object: ingest.ObjectCDR, Method: ingest.MethodPost, Version: ocpi.V221, Sender: "dundee",
		Key: ocpi.NewKey("GB", "DUN", id), Received: ocpi.Time(1_557_000_000_000_000_000 + int64(i)*1_000_000),
		Hash: sha256.Sum256([]byte(id)),
	}
}

func testBody(i int) []byte { return fmt.Appendf(nil, `{"id":"CDR-%06d"}`, i) }
