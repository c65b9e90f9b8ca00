package ingest

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What fails again and again is told at once, every half minute, and when it is over.
func TestOutagesAreToldNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		o := Outage{Logger: slog.New(slog.NewTextHandler(&said, nil))}
		lines := func(what string, want int, says string) {
			t.Helper()
			if n := strings.Count(said.String(), "\n"); n != want || !strings.Contains(said.String(), says) {
				t.Errorf("%s: %d lines, want %d and %q:\n%s", what, n, want, says, said.String())
			}
			said.Reset()
		}
		o.Over("never mind")
		lines("nothing failed", 0, "")
		for range 10 {
			o.Failed(slog.LevelWarn, "broker is away", "partition", 3)
			time.Sleep(time.Second)
		}
		lines("for ten seconds", 1, `msg="broker is away" partition=3`)
		for range 60 {
			o.Failed(slog.LevelWarn, "broker is away", "partition", 3)
			time.Sleep(time.Second)
		}
		lines("for a minute more", 2, "times=30 since=2000-01-01T00:00:00Z")
		o.Over("appends are taken again", "partition", 3)
		lines("when it is over", 1, `msg="appends are taken again" partition=3 after=1m10s`)
		o.Over("appends are taken again")
		o.Failed(slog.LevelError, "broker is away")
		lines("the next one", 1, "level=ERROR")
	})
}
