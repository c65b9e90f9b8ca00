package clickhouse

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestSeveralAddressesMustShareTheirTables(t *testing.T) {
	answers := map[string][2]string{ // server and engine of records
		"a": {"1", "ReplacingMergeTree"}, "a-again": {"1", "ReplacingMergeTree"}, "b": {"2", "ReplacingMergeTree"}, "new": {"3", ""},
		"r1": {"4", "ReplicatedReplacingMergeTree"}, "r2": {"5", "ReplicatedReplacingMergeTree"}, "cloud": {"6", "SharedReplacingMergeTree"},
	}
	ask := func(_ context.Context, addr string) (string, string, error) {
		a, ok := answers[addr]
		if !ok {
			return "", "", fmt.Errorf("dial %s: %w", addr, io.EOF)
		}
		return a[0], a[1], nil
	}
	cases := []struct {
		addrs string
		want  string // of the error
	}{
		{"a", ""},
		{"a a-again", ""},
		{"a away", ""},
		{"a b", "on b are not shared between them: name one server"},
		{"a new", "are not shared between them"},
		{"r1 r2", ""},
		{"r1 r2 cloud away", ""},
		{"r1 new", "on new are not shared between them"},
	}
	for _, c := range cases {
		err := checkShared(t.Context(), "roamclear", strings.Fields(c.addrs), ask)
		if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.addrs, err, c.want)
		}
	}
}

// One server under two names is one server.
func TestOneServerUnderTwoNames(t *testing.T) {
	o := engine.Options()
	o.Addr = append(o.Addr, "localhost"+o.Addr[0][strings.LastIndexByte(o.Addr[0], ':'):])
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
