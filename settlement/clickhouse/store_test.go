package clickhouse

import (
	"errors"
	"net"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/roamclear/roamclear/settlement"
)

// A start that finds no server yet opens the store again, with the same
// metrics.
func TestOpenIsTriedAgain(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	for range 2 {
		if _, err := Open(t.Context(), Options{Addr: []string{nobody}, Database: "d", Registerer: registry}); !errors.Is(err, settlement.ErrUnavailable) {
			t.Fatalf("open where nobody listens: %v, want it to be worth another try", err)
		}
	}
}
