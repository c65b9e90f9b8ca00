package ingest

import (
	"math"
	"testing"
)

func TestPositionString(t *testing.T) {
	tests := map[Position]string{
		{}:                                     "0-0-0",
		{Epoch: 1, Partition: 3, Offset: 4711}: "1-3-4711",
		{Epoch: math.MaxUint8, Partition: math.MaxInt32, Offset: math.MaxInt64}: "255-2147483647-9223372036854775807",
	}
	for p, want := range tests {
		if got := p.String(); got != want {
			t.Errorf("%#v: got %q, want %q", p, got, want)
		}
		if got, ok := ParsePosition(want); !ok || got != p {
			t.Errorf("%q: got %#v, %t, want %#v", want, got, ok, p)
		}
	}
	for _, text := range []string{"", "1-0", "1-0-", "-0-1", "1-0-01", "+1-0-1", "256-0-1", "0-2147483648-1", "0-0-9223372036854775808", "0-0--1", "0-0-1-1", " 0-0-1"} {
		if got, ok := ParsePosition(text); ok || got != (Position{}) {
			t.Errorf("%q is taken for %#v", text, got)
		}
	}
}
