package control

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
)

// Events are read by their offsets, whatever stands between them.
func TestEventsAreRead(t *testing.T) {
	log := ingesttest.NewLog(1)
	const n = 2*readBatch + 7
	for i := range n {
		body, err := Encode(Event{Command: fmt.Sprint("c", i), At: 1}, PartnerRemoved{ID: fmt.Sprint("partner-", i)})
		if err == nil {
			_, err = log.Append(t.Context(), ingest.TopicControl, &ingest.Envelope{}, body)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	m := open(t, log, Options{})
	every := func(step int64) (list []int64) {
		for o := int64(0); o < n; o += step {
			list = append(list, o)
		}
		return list
	}
	for name, offsets := range map[string][]int64{
		"none": nil, "one": {readBatch}, "all": every(1), "some": every(3), "few": every(readBatch + 1), "ends": {0, n - 1},
	} {
		var got []int64
		err := m.Read(t.Context(), slices.Values(offsets), func(e Event, c Change) error {
			if id := fmt.Sprint("partner-", e.Offset); c.(PartnerRemoved).ID != id || e.Command != fmt.Sprint("c", e.Offset) || len(e.Body) == 0 {
				t.Errorf("%s: at %d there is %+v", name, e.Offset, c)
			}
			got = append(got, e.Offset)
			return nil
		})
		if diff := cmp.Diff(offsets, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
	enough := errors.New("enough")
	if err := m.Read(t.Context(), slices.Values(every(1)), func(Event, Change) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
	if err := m.Read(t.Context(), slices.Values([]int64{3, n}), func(Event, Change) error { return nil }); err == nil {
		t.Error("the log was read beyond its end")
	}
}
