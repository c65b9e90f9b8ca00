package pricing_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/reference"
)

// partition is one partition of a log in memory, with its group's commit.
type partition struct {
	mu       sync.Mutex
	records  []ingest.Record
	start    int64
	next     int64
	metadata string
	commits  int
	lost     error // what Commit answers
}

func (p *partition) Committed() (int64, string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next, p.metadata
}

var errGap = errors.New("records are gone from the log")

func (p *partition) Read(ctx context.Context, from int64, maxRecords, _ int, wait time.Duration) ([]ingest.Record, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if from < p.start {
		return nil, errGap
	}
	if from < int64(len(p.records)) {
		return append([]ingest.Record(nil), p.records[from:min(int64(len(p.records)), from+int64(maxRecords))]...), nil
	}
	var patience <-chan time.Time
	if wait > 0 {
		patience = time.After(wait)
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-patience:
		return nil, nil
	}
}

func (p *partition) Release() {}

func (p *partition) Partition() ingest.Partition { return cdrs }

var cdrs = ingest.Partition{Topic: ingest.TopicCDRs, Epoch: 1}

func (p *partition) Commit(_ context.Context, next int64, metadata string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lost != nil {
		return p.lost
	}
	p.next, p.metadata = next, metadata
	p.commits++
	return nil
}

// store keeps every row it was given by position, and cancels when it has a
// given number.
type store struct {
	mu       sync.Mutex
	next     int64
	rows     map[int64]pricing.Row
	writes   int
	failures int // WriteCDRs fails that often first
	want     int
	done     context.CancelFunc

	refuse  func(*pricing.Row) error // nil: nothing is refused
	seen    func()                   // called after each write
	largest int                      // bytes of bodies in one write
	again   []int64                  // first offsets of writes that may be replays
}

func (s *store) Resume(context.Context, ingest.Partition) (int64, error) {
	return s.next, nil
}

// Priced says that an earlier worker got two records further than its checkpoint.
func (s *store) Priced(context.Context, ingest.Partition) (int64, error) { return s.next + 2, nil }

func (s *store) WriteCDRs(_ context.Context, b *pricing.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failures > 0 {
		s.failures--
		return fmt.Errorf("%w: it is away", ingest.ErrUnavailable)
	}
	size := 0
	for i := range b.Rows {
		size += len(b.Rows[i].Record.Body)
		if s.refuse == nil {
			continue
		}
		if err := s.refuse(&b.Rows[i]); err != nil {
			return err
		}
	}
	s.largest = max(s.largest, size)
	s.writes++
	if b.Again {
		s.again = append(s.again, b.Rows[0].Record.Offset)
	}
	for i := range b.Rows {
		s.rows[b.Rows[i].Record.Offset] = b.Rows[i]
	}
	s.next = max(s.next, b.Next)
	if s.seen != nil {
		s.seen()
	}
	if len(s.rows) >= s.want {
		s.done()
	}
	return nil
}

type gate struct{}

func (gate) CatchUp(context.Context) (pricing.AsOf, error) { return present, nil }

// present are the ends of the topics of the tests.
var present = pricing.AsOf{Reference: 7, Control: 3}

// inputs knows no tariffs but those the CDRs carry, and London everywhere.
type inputs struct{ panics bool }

func (inputs) Tariff(ocpi.Key, ocpi.Party, ocpi.Time, int64) (*reference.TariffVersion, bool) {
	return nil, false
}
func (inputs) TariffsBelow(ocpi.Key, ocpi.Party, int64, int) []*reference.TariffVersion { return nil }
func (inputs) Payer(string, ocpi.Time, int64) (ocpi.Party, bool)                        { return ocpi.Party{}, false }
func (inputs) ConnectorPower(location ocpi.Key, evse, connector string, _ ocpi.Time, _ int64) (int64, bool) {
	return 11_040, location == ocpi.NewKey("GB", "DUN", "L1") && evse == "E1" && connector == "1"
}
func (i inputs) Zone(ocpi.Key, string, ocpi.Time, int64) (string, string) {
	if i.panics {
		panic("a fault in our own code")
	}
	return "Europe/London", "location"
}

type policies struct{}

func (policies) Billable(p ocpi.Party, _ int64) bool                  { return p.ID != "XXX" }
func (policies) Profile(_, _ ocpi.Party, _ ocpi.Time, _ int64) string { return "" }

const tariff = `{"country_code":"GB","party_id":"DUN","id":"T1","currency":"GBP","elements":[{"price_components":[{"type":"ENERGY","price":0.25,"vat":20,"step_size":1}]}],"last_updated":"2019-01-01T00:00:00Z"}`

func cdr(id, debtor, tariffs, total string) string {
	return fmt.Sprintf(`{"country_code":"GB","party_id":"DUN","id":%q,"start_date_time":"2019-01-05T10:00:00Z","end_date_time":"2019-01-05T11:00:00Z",
"cdr_token":{"country_code":"NL","party_id":%q,"uid":"U1","type":"RFID","contract_id":"C"},"auth_method":"WHITELIST",
"cdr_location":{"id":"L1","address":"a","city":"c","country":"GBR","coordinates":{"latitude":"56.46000","longitude":"-2.97000"},"evse_uid":"E1","evse_id":"E","connector_id":"1","connector_standard":"IEC_62196_T2","connector_format":"SOCKET","connector_power_type":"AC_3_PHASE"},
"currency":"GBP","tariffs":[%s],"charging_periods":[{"start_date_time":"2019-01-05T10:00:00Z","dimensions":[{"type":"ENERGY","volume":20}],"tariff_id":"T1"}],
"total_cost":%s,"total_energy":20,"total_time":1,"last_updated":"2019-01-05T11:05:00Z"}`, id, debtor, tariffs, total)
}

func records(bodies ...string) []ingest.Record {
	recs := make([]ingest.Record, len(bodies))
	for i, b := range bodies {
		recs[i] = ingest.Record{
			Position: ingest.Position{Epoch: 1, Offset: int64(i)},
			Envelope: ingest.Envelope{Object: ingest.ObjectCDR, Method: ingest.MethodPost, Version: ocpi.V221, Key: ocpi.NewKey("GB", "DUN", fmt.Sprint(i)), Received: 1},
			Body:     []byte(b),
		}
	}
	return recs
}

func worker(s *store, in pricing.Inputs) *pricing.Worker {
	return &pricing.Worker{Store: s, Gate: gate{}, Inputs: in, Policies: policies{},
		Logger: slog.New(slog.DiscardHandler), Metrics: pricing.NewMetrics(prometheus.NewRegistry())}
}

func drain(s *store, in pricing.Inputs) *ingest.Drain {
	return &ingest.Drain{Work: worker(s, in).Begin(), Group: ingest.GroupPricing,
		Logger: slog.New(slog.DiscardHandler), Metrics: ingest.NewDrainMetrics(prometheus.NewRegistry())}
}

// run works until the store has what it wants. The worker's lingering takes
// no time: its clock is the bubble's.
func run(t *testing.T, p *partition, s *store, in pricing.Inputs) (err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s.done = cancel
		if s.rows == nil {
			s.rows = map[int64]pricing.Row{}
		}
		err = drain(s, in).Run(ctx, p)
	})
	return err
}

func TestEveryRecordEndsInOneOutcome(t *testing.T) {
	const total = `{"excl_vat":5.00,"incl_vat":6.00}`
	cases := []struct{ name, body, want string }{
		{"agrees", cdr("a", "EXW", tariff, total), "priced 5.0000 6.0000 agrees"},
		{"wrong total", cdr("b", "EXW", tariff, `{"excl_vat":7.00,"incl_vat":8.40}`), "priced 5.0000 6.0000 differs"},
		{"unknown tariff", cdr("c", "EXW", "", total), "rejected unknown_tariff"},
		{"debtor not registered", cdr("d", "XXX", tariff, total), "rejected debtor_unknown"},
		{"credit", strings.Replace(cdr("e", "EXW", tariff, `{"excl_vat":-5.00,"incl_vat":-6.00}`), `"currency"`, `"credit":true,"credit_reference_id":"a","currency"`, 1), "credit"},
		{"end before start", strings.Replace(cdr("f", "EXW", tariff, total), `"end_date_time":"2019-01-05T11`, `"end_date_time":"2019-01-05T09`, 1), "rejected end_before_start"},
	}
	var bodies []string
	for _, c := range cases {
		bodies = append(bodies, c.body)
	}
	p, s := &partition{records: records(bodies...), next: -1}, &store{want: len(cases)}
	if err := run(t, p, s, inputs{}); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		o := s.rows[int64(i)].Outcome
		got := o.Status.String()
		switch o.Status {
		case pricing.Priced:
			got += fmt.Sprintf(" %s %s %s", o.Computed.Excl, o.Computed.Incl, o.Claim)
		case pricing.Rejected:
			got += " " + o.Reason
		}
		if !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %s (%s), want %s", c.name, got, o.Detail, c.want)
		}
	}
	if p.next != int64(len(cases)) {
		t.Errorf("committed %d, want %d", p.next, len(cases))
	}
}

func TestAPanicIsARejectOfItsRecord(t *testing.T) {
	p, s := &partition{records: records(cdr("a", "EXW", tariff, `{"excl_vat":5}`)), next: -1}, &store{want: 1}
	if err := run(t, p, s, inputs{panics: true}); err != nil {
		t.Fatal(err)
	}
	o := s.rows[0].Outcome
	if o.Status != pricing.Rejected || o.Reason != pricing.ReasonPanic || o.Claimed.Excl.String() != "5" {
		t.Errorf("outcome %s %s claimed %q, want a reject that keeps the claim", o.Status, o.Reason, o.Claimed.Excl)
	}
}

func TestNothingIsCommittedBeforeTheStoreHasIt(t *testing.T) {
	body := cdr("a", "EXW", tariff, `{"excl_vat":5}`)
	p, s := &partition{records: records(body, body, body), next: -1}, &store{want: 3, failures: 2}
	if err := run(t, p, s, inputs{}); err != nil {
		t.Fatal(err)
	}
	if s.writes == 0 || p.commits != s.writes || p.next != 3 {
		t.Errorf("%d writes, %d commits, committed %d; want as many commits as writes, up to 3", s.writes, p.commits, p.next)
	}
}

// Whatever a crash left (committed and stored apart, in either order), the
// ledger that verify trusts counts every record once.
func TestResumeAfterACrash(t *testing.T) {
	body := cdr("a", "EXW", tariff, `{"excl_vat":5}`)
	all := records(body, body, body, body, body)
	reference := &partition{records: all, next: -1}
	if err := run(t, reference, &store{want: 5}, inputs{}); err != nil {
		t.Fatal(err)
	}
	for committed := range 6 {
		before := &partition{records: all[:committed], next: -1}
		if committed > 0 {
			if err := run(t, before, &store{want: committed}, inputs{}); err != nil {
				t.Fatal(err)
			}
		}
		for stored := range 6 {
			p := &partition{records: all, next: before.next, metadata: before.metadata}
			from := min(committed, stored)
			s := &store{next: int64(stored), want: 5 - from}
			if from == 5 {
				continue // nothing left to do: the worker would wait
			}
			if err := run(t, p, s, inputs{}); err != nil {
				t.Fatal(err)
			}
			if len(s.rows) != 5-from {
				t.Errorf("committed %d, stored %d: %d rows written, want all from %d on", committed, stored, len(s.rows), from)
			}
			if len(s.again) == 0 || s.again[0] != int64(from) {
				t.Errorf("committed %d, stored %d: the store is not told that results from %d on may stand", committed, stored, from)
			}
			if p.next != reference.next || p.metadata != reference.metadata {
				t.Errorf("committed %d, stored %d: ledger %s, want %s", committed, stored, p.metadata, reference.metadata)
			}
		}
	}
}

func TestAGapStopsTheWorker(t *testing.T) {
	body := cdr("a", "EXW", tariff, `{"excl_vat":5}`)
	p, s := &partition{records: records(body, body), start: 1, next: -1}, &store{want: 1}
	if err := run(t, p, s, inputs{}); !errors.Is(err, errGap) {
		t.Errorf("worker that misses offset 0 returned %v, want the gap", err)
	}
	if len(s.rows) != 0 || p.commits != 0 {
		t.Errorf("%d rows written, %d commits after a gap, want none", len(s.rows), p.commits)
	}
}

func TestALostClaimEndsTheWork(t *testing.T) {
	p, s := &partition{records: records(cdr("a", "EXW", tariff, `{"excl_vat":5}`)), next: -1, lost: errors.New("illegal generation")}, &store{want: 99}
	if err := run(t, p, s, inputs{}); err == nil || !strings.Contains(err.Error(), "illegal generation") {
		t.Errorf("worker whose commit was refused returned %v", err)
	}
}
