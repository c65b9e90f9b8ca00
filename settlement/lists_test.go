package settlement

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// lagging is a log of 9 records, and a store that has them all after a while.
type lagging struct {
	ingest.Reader
	ListStore
	until  time.Time
	broken error
}

func (l *lagging) Partitions(topic ingest.Topic) []ingest.Partition {
	return []ingest.Partition{{Topic: topic, Epoch: 1}, {Topic: topic, Epoch: 1, Number: 1}}
}

func (l *lagging) Bounds(context.Context, ingest.Partition) (start, end int64, err error) {
	return 0, 9, l.broken
}

func (l *lagging) Checkpoint(context.Context, ingest.Partition) (int64, error) {
	if time.Now().Before(l.until) {
		return 8, nil
	}
	return 9, nil
}

// Who asks for a list of objects gets what was acknowledged, or nothing; a list of
// CDRs waits a moment.
func TestListsWaitForTheStore(t *testing.T) {
	for _, tt := range []struct {
		name          string
		object        ingest.Object
		strict        bool
		lag           time.Duration
		broken, want  error
		least, atMost time.Duration
	}{
		{"no lag", ingest.ObjectToken, false, 0, nil, nil, 0, 0},
		{"a moment", ingest.ObjectSession, false, 3 * time.Second, nil, nil, 3 * time.Second, 3200 * time.Millisecond},
		{"longer than the client waits", ingest.ObjectLocation, false, time.Hour, nil, ErrNotYet, 10 * time.Second, 10 * time.Second},
		{"CDRs, a moment", ingest.ObjectCDR, false, time.Second, nil, nil, time.Second, 1200 * time.Millisecond},
		{"CDRs that are priced late", ingest.ObjectCDR, false, time.Hour, nil, nil, 2 * time.Second, 2 * time.Second},
		{"CDRs by receipt", ingest.ObjectCDR, true, 5 * time.Second, nil, nil, 5 * time.Second, 5200 * time.Millisecond},
		{"CDRs by receipt that are priced late", ingest.ObjectCDR, true, time.Hour, nil, ErrNotYet, 10 * time.Second, 10 * time.Second},
		{"no log", ingest.ObjectCDR, false, 0, errors.New("away"), ErrUnavailable, 0, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			l := &lagging{until: began.Add(tt.lag), broken: tt.broken}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			err := Lists{StoredLists: l, Log: l}.Await(ctx, tt.object, tt.strict)
			if took := time.Since(began); !errors.Is(err, tt.want) || took < tt.least || took > tt.atMost {
				t.Errorf("%s: %v after %s", tt.name, err, took)
			}
		})
	}
}

// asked keeps what it was asked for.
type asked struct {
	StoredLists
	OCPIQuery
}

func (a *asked) OCPICDRs(_ context.Context, q OCPIQuery) (OCPIPage, error) {
	a.OCPIQuery = q
	return OCPIPage{}, nil
}

func (a *asked) OCPIObjects(_ context.Context, q ObjectQuery) (OCPIPage, error) {
	a.OCPIWindow = q.OCPIWindow
	return OCPIPage{}, nil
}

// A CDR whose append was on its way when a window by receipt was read is in the next
// one, though it came before that begins.
func TestAWindowByReceiptBeginsEarlier(t *testing.T) {
	from := time.Date(2019, 1, 1, 12, 0, 1, 0, time.UTC)
	for _, tt := range []struct {
		name     string
		received bool
		from     time.Time
		want     time.Time
	}{
		{"by receipt", true, from, from.Add(-ReceivedAhead)},
		{"all by receipt", true, time.Time{}, time.Time{}},
		{"by last_updated", false, from, from},
	} {
		a := &asked{}
		w := OCPIWindow{From: tt.from, To: from.Add(time.Hour)}
		if _, err := (Lists{StoredLists: a}).OCPICDRs(t.Context(), OCPIQuery{ByReceived: tt.received, OCPIWindow: w}); err != nil {
			t.Fatal(err)
		}
		if !a.From.Equal(tt.want) || !a.To.Equal(w.To) {
			t.Errorf("%s: [%s, %s), want it from %s", tt.name, a.From, a.To, tt.want)
		}
		sessions := ObjectQuery{Object: ingest.ObjectSession, ByReceived: tt.received, OCPIWindow: w}
		if _, err := (Lists{StoredLists: a}).OCPIObjects(t.Context(), sessions); err != nil || !a.From.Equal(tt.want) || !a.To.Equal(w.To) {
			t.Errorf("%s: Sessions of [%s, %s), %v, want them from %s", tt.name, a.From, a.To, err, tt.want)
		}
	}
}

// A Session of which it was found later who pays comes to that party's list when that
// was found, so that who reads one window after the other meets it; its owner's list has
// it as it was, and a later change is later everywhere.
func TestASessionNamedLaterIsInTheWindowOfThen(t *testing.T) {
	cpo, emsp := ocpi.NewParty("GB", "DUN"), ocpi.NewParty("NL", "EXW")
	at := func(minute int) time.Time { return time.Date(2019, 1, 1, 0, minute, 0, 0, time.UTC) }
	s := &ingest.ObjectState{Object: ingest.ObjectSession, Key: ocpi.Key{Party: cpo, ID: "S1"}, With: emsp, LastUpdated: ocpi.TimeOf(at(10)), Received: ocpi.TimeOf(at(11)), Named: ocpi.TimeOf(at(30))}
	for _, tt := range []struct {
		name     string
		list     ObjectList
		updated  int
		received bool
		from     int
		want     bool
	}{
		{"of whom it was found, then", ObjectList{ListWith, emsp}, 10, false, 30, true},
		{"not before", ObjectList{ListWith, emsp}, 10, false, 10, false},
		{"by receipt, then", ObjectList{ListWith, emsp}, 10, true, 30, true},
		{"by receipt, not before", ObjectList{ListWith, emsp}, 10, true, 10, false},
		{"its owner's, as it says", ObjectList{ListOwn, cpo}, 10, false, 10, true},
		{"its owner's, not then", ObjectList{ListOwn, cpo}, 10, false, 30, false},
		{"its owner's by receipt", ObjectList{ListOwn, cpo}, 10, true, 11, true},
		{"changed later", ObjectList{ListWith, emsp}, 40, false, 40, true},
	} {
		s.LastUpdated = ocpi.TimeOf(at(tt.updated))
		q := ObjectQuery{Object: s.Object, ByReceived: tt.received, Lists: []ListPart{{ObjectList: tt.list}}, OCPIWindow: OCPIWindow{From: at(tt.from), To: at(tt.from + 5)}}
		if got := q.Holds(s); got != tt.want {
			t.Errorf("%s: %t", tt.name, got)
		}
	}
}

// OCPI has no lists of what we note ourselves, nor of commands.
func TestListsOfWhatOCPILists(t *testing.T) {
	var listed []string
	for kind := ingest.ObjectCDR + 1; kind.Known(); kind++ {
		s := &ingest.ObjectState{Object: kind, Key: ocpi.NewKey("GB", "DUN", "1"), With: ocpi.NewParty("NL", "EXW"), Left: []ocpi.Party{ocpi.NewParty("FR", "BEL")}}
		on := false
		ListsOf(s, func(ObjectList, bool) { on = true })
		if on {
			listed = append(listed, kind.String())
		}
	}
	if want := []string{"session", "tariff", "location", "token", "invoice"}; !slices.Equal(listed, want) {
		t.Errorf("on lists: %v, want %v", listed, want)
	}
}

// What is deleted is on no list, and what has left a list is taken back.
func TestListsOf(t *testing.T) {
	state := newProvenObjects(t).store.objects[0].state()
	state.Deleted = true
	ListsOf(state, func(l ObjectList, gone bool) {
		if !gone {
			t.Errorf("a deleted one is on %v", l)
		}
	})
}
