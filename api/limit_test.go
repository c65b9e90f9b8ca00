package api

import (
	"testing"
	"time"
)

func TestRate(t *testing.T) {
	r := Rate{Every: time.Second, Burst: 3}
	now := time.Unix(1_000_000, 0)
	for i, step := range []struct {
		later time.Duration
		want  bool
	}{
		{0, true}, {0, true}, {0, true}, {0, false}, {time.Second, true}, {0, false},
		{time.Second / 2, false}, {time.Second / 2, true}, {time.Hour, true}, {0, true}, {0, true}, {0, false},
	} {
		now = now.Add(step.later)
		if wait := r.Wait(now); (wait == 0) != step.want {
			t.Errorf("step %d: wait %v", i, wait)
		}
		if got := r.Take(now); got != step.want {
			t.Errorf("step %d: %v", i, got)
		}
	}
}
