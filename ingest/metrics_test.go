package ingest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

// An error that nobody knows is ours: it says nothing about the outcome.
func TestErrorsAreCountedForWhatTheyAre(t *testing.T) {
	reg := prometheus.NewRegistry()
	m := NewMetrics(reg)
	for _, err := range []error{
		nil, ErrOverload, ErrOutcomeUnknown, fmt.Errorf("append: %w", ErrOutcomeUnknown), context.Canceled, context.DeadlineExceeded,
		errors.New("anything else"), fmt.Errorf("fold: %w", errors.New("x")),
	} {
		m.count(ObjectCDR, err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, c := range f.GetMetric() {
			for _, l := range c.GetLabel() {
				if l.GetName() == "reason" {
					got[l.GetValue()] = c.GetCounter().GetValue()
				}
			}
		}
	}
	if diff := cmp.Diff(map[string]float64{"overload": 1, "outcome_unknown": 4, "internal": 2}, got); diff != "" {
		t.Error(diff)
	}
}
