package clickhouse

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
)

// Two partitions: credits stand beside what they credit in one and the other,
// as the hash of their identities has it.
const creditsOne = `
	GB*DUN NL*EXW c1 2019-01-15 GBP 10.00/12.00   priced   10.00/12.00 -
	GB*DUN NL*EXW c2 2019-01-15 GBP 10.00/12.00   priced   11.00/13.20 -
	GB*DUN NL*EXW k3 2019-02-01 GBP -4.00/-4.80   credit   c3          -
	GB*DUN NL*EXW k3 2019-02-01 GBP -5.00/-6.00   credit   c2          - #another copy never counts
	GB*DUN NL*EXW c4 2019-01-15 GBP 10.00/12.00   priced   10.00/12.00 -
	GB*DUN DE*TNM k4 2019-02-01 GBP -10.00/-12.00 credit   c4          -
	GB*DUN NL*EXW k5 2019-02-01 GBP -1.00/-1.20   credit   gone        -
	GB*DUN NL*EXW k6 2019-02-01 GBP -1.00/-1.20   credit   k5          -
	FR*BEL NL*EXW k1 2019-02-01 EUR -1.00/-1.20   credit   c1          -
	GB*DUN NL*EXW c9 2019-01-15 GBP 10.00/12.00   priced   10.00/12.00 -`

const creditsTwo = `
	GB*DUN NL*EXW k1 2019-02-01 GBP -10.00/-12.00 credit   c1          -
	GB*DUN NL*EXW k2 2019-02-01 GBP -10.00/-12.00 credit   c2          -
	GB*DUN NL*EXW c3 2019-01-15 GBP 10.00/12.00   priced   10.00/12.00 -
	GB*DUN NL*EXW n1 2019-02-01 GBP 1000.00/-     credit   c1          -
	GB*DUN NL*EXW r2 2019-02-01 GBP -10.00/-12.00 credit   c2          -`

const creditsFound = `credit_excess GB*DUN*K2 -> GB*DUN*C2
credit_excess GB*DUN*N1 -> GB*DUN*C1
credit_excess GB*DUN*R2 -> GB*DUN*C2
credit_mismatch GB*DUN*K4 -> GB*DUN*C4
credit_orphan FR*BEL*K1 -> FR*BEL*C1
credit_orphan GB*DUN*K5 -> GB*DUN*GONE
credit_orphan GB*DUN*K6 -> GB*DUN*K5
credited GB*DUN*C1 -> GB*DUN*K1
credited GB*DUN*C2 -> GB*DUN*K2
credited GB*DUN*C2 -> GB*DUN*R2
`

func relater(s *Store) *settlement.Relater {
	return &settlement.Relater{Store: s, Logger: slog.New(slog.DiscardHandler), Metrics: settlement.NewRelationMetrics(prometheus.NewRegistry())}
}

// relate looks for relations until there are no new records.
func relate(tb testing.TB, r *settlement.Relater) {
	tb.Helper()
	for more := true; more; {
		var err error
		if more, err = r.Step(tb.Context()); err != nil {
			tb.Fatal(err)
		}
	}
}

// related renders the relations that hold.
func related(tb testing.TB, s *Store) string {
	tb.Helper()
	var lines []string
	err := s.StoredRelations(tb.Context(), func(r settlement.Relation) error {
		lines = append(lines, fmt.Sprintf("%s %s -> %s\n", r.Kind, r.Key, r.Other))
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// Batches are cut anywhere, the partitions advance at any pace, passes run in
// between, twice and out of step: the relations are the same.
func TestRelationsInAnyOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 5))
	for range 6 {
		s := newStore(t)
		one, two := cut(batchOf(t, 0, 0, creditsOne), 1+random.IntN(4)), cut(batchOf(t, 1, 0, creditsTwo), 1+random.IntN(3))
		passes := []*settlement.Relater{relater(s), relater(s)}
		var done []*pricing.Batch
		for len(one)+len(two) > 0 {
			from := &one
			if len(one) == 0 || len(two) > 0 && random.IntN(2) == 0 {
				from = &two
			}
			write(t, s, (*from)[0])
			done, *from = append(done, (*from)[0]), (*from)[1:]
			if random.IntN(2) == 0 {
				relate(t, passes[random.IntN(2)])
			}
		}
		write(t, s, done[random.IntN(len(done))])
		for _, pass := range passes {
			relate(t, pass)
		}
		if diff := cmp.Diff(creditsFound, related(t, s)); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	}
}

// An owner that lost its lease and writes late what it found before does not
// undo what the next one found.
func TestRelationsOfAnOlderViewLose(t *testing.T) {
	s := newStore(t)
	write(t, s, batchOf(t, 0, 0, `GB*DUN NL*EXW k1 2019-02-01 GBP -10.00/-12.00 credit c1 -`))
	var late []settlement.Relation
	relate(t, &settlement.Relater{Store: &recording{Store: s, into: &late}, Logger: slog.New(slog.DiscardHandler), Metrics: settlement.NewRelationMetrics(prometheus.NewRegistry())})
	if want := "credit_orphan GB*DUN*K1 -> GB*DUN*C1\n"; related(t, s) != want {
		t.Fatalf("%s, want %s", related(t, s), want)
	}
	write(t, s, batchOf(t, 1, 0, `GB*DUN NL*EXW c1 2019-01-15 GBP 10.00/12.00 priced 10.00/12.00 -`))
	relate(t, relater(s))
	if err := s.WriteRelations(t.Context(), 1, late); err != nil {
		t.Fatal(err)
	}
	if want := "credited GB*DUN*C1 -> GB*DUN*K1\n"; related(t, s) != want {
		t.Errorf("%s, want %s", related(t, s), want)
	}
}

// recording keeps what a pass wrote.
type recording struct {
	*Store
	into *[]settlement.Relation
}

func (r *recording) WriteRelations(ctx context.Context, version uint64, relations []settlement.Relation) error {
	*r.into = append(*r.into, relations...)
	return r.Store.WriteRelations(ctx, version, relations)
}

// A partner that sends one credit over and over crowds nothing: what is said of
// it, and of what it credits, stays.
func TestRepeatsOfACreditDoNotCrowd(t *testing.T) {
	s := newStore(t)
	credit := "GB*DUN NL*EXW k1 2019-02-01 GBP -10.00/-12.00 credit c1 -"
	write(t, s, batchOf(t, 0, 0, "GB*DUN NL*EXW c1 2019-01-15 GBP 10.00/12.00 priced 10.00/12.00 -\n"+credit))
	err := s.conn.Exec(t.Context(), "INSERT INTO credits SELECT 'GB', 'DUN', 'C1', 'K1', 0, 1, 2 + number FROM numbers(?)", settlement.MaxCredits)
	if err != nil {
		t.Fatal(err)
	}
	write(t, s, batchOf(t, 0, 2, credit))
	relate(t, relater(s))
	if want := "credited GB*DUN*C1 -> GB*DUN*K1\n"; related(t, s) != want {
		t.Errorf("%s, want %s", related(t, s), want)
	}
}

// A re-pricing may find another debtor: no new record says so, and the credits
// are held against it all the same, whichever of the two it is of.
func TestRelationsFollowTheDebtor(t *testing.T) {
	s := newStore(t)
	b := batchOf(t, 0, 0, `
		GB*DUN NL*EXW c1 2019-01-15 GBP 10.00/12.00   priced 10.00/12.00 -
		GB*DUN NL*EXW k1 2019-02-01 GBP -10.00/-12.00 credit c1          -`)
	write(t, s, b)
	r := relater(s)
	relate(t, r)
	for i, want := range []string{"credit_mismatch GB*DUN*K1 -> GB*DUN*C1\n", "credited GB*DUN*C1 -> GB*DUN*K1\n"} {
		row := b.Rows[i]
		row.Debtor, row.Generation = ocpi.NewParty("DE", "TNM"), 1
		if err := s.WriteResults(t.Context(), b.Partition, []pricing.Row{row}); err != nil {
			t.Fatal(err)
		}
		if err := r.Again(t.Context(), []ocpi.Key{row.Record.Key}); err != nil {
			t.Fatal(err)
		}
		if related(t, s) != want {
			t.Errorf("%s is TNM's to pay: %s, want %s", row.ID, related(t, s), want)
		}
	}
}

// closedBy says by which control record charges up to an instant were closed for a pair.
type closedBy struct {
	cpo, emsp ocpi.Party
	through   ocpi.Time
	at        int64
}

func (c closedBy) ClosedBelow(_ context.Context, cpo, emsp ocpi.Party, booked ocpi.Time, below int64) (bool, error) {
	return cpo == c.cpo && emsp == c.emsp && booked <= c.through && c.at < below, nil
}

// A credit that comes after the period of what it credits was closed for its pair leaves
// the report as it is.
func TestACreditDoesNotChangeAClosedMonth(t *testing.T) {
	const credited = "credited GB*DUN*C1 -> GB*DUN*K1\ncredited GB*DUN*C1 -> GB*DUN*K2\n"
	dun, exw, end := ocpi.NewParty("GB", "DUN"), ocpi.NewParty("NL", "EXW"), ocpi.TimeOf(time.Date(2019, 1, 15, 12, 0, 0, 0, time.UTC))
	for _, c := range []struct {
		what   string
		closed closedBy
		want   string
	}{
		{"before the last credit", closedBy{dun, exw, end, 4}, ""},
		{"after both", closedBy{dun, exw, end, 5}, credited},
		{"for another eMSP", closedBy{dun, ocpi.NewParty("DE", "TNM"), end, 4}, credited},
		{"for another CPO", closedBy{exw, exw, end, 4}, credited},
		{"up to the instant before it ended", closedBy{dun, exw, end - 1, 4}, credited},
	} {
		s := newStore(t)
		b := batchOf(t, 0, 0, `
			GB*DUN NL*EXW c1 2019-01-15 GBP 10.00/12.00 priced 10.00/12.00 -
			GB*DUN NL*EXW k1 2019-02-01 GBP -4.00/-4.80 credit c1          -
			GB*DUN NL*EXW k2 2019-02-01 GBP -6.00/-7.20 credit c1          -`)
		for i := range b.Rows {
			b.Rows[i].Outcome.AsOf.Control = int64(3 + i)
		}
		write(t, s, b)
		january := settlement.SettlementQuery{To: month(2019, 1)}
		before := settle(t, s, january)
		r := relater(s)
		r.Closings = c.closed
		relate(t, r)
		if related(t, s) != c.want {
			t.Errorf("closed %s: %s, want %s", c.what, related(t, s), c.want)
		}
		if changed := settle(t, s, january) != before; changed != (c.want != "") {
			t.Errorf("closed %s: the report of the month changes %t", c.what, changed)
		}
	}
}
