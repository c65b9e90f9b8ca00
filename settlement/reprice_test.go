package settlement

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/reference"
)

// parts are the two partitions of CDRs of these tests.
var parts = []ingest.Partition{{Topic: ingest.TopicCDRs, Epoch: 1}, {Topic: ingest.TopicCDRs, Epoch: 1, Number: 1}}

// noInputs knows no Tariff, Location or Token: CDRs carry their own.
type noInputs struct{}

func (noInputs) Tariff(ocpi.Key, ocpi.Party, ocpi.Time, int64) (*reference.TariffVersion, bool) {
	return nil, false
}
func (noInputs) TariffsBelow(ocpi.Key, ocpi.Party, int64, int) []*reference.TariffVersion { return nil }
func (noInputs) Zone(ocpi.Key, string, ocpi.Time, int64) (zone, source string) {
	return "", ""
}
func (noInputs) ConnectorPower(ocpi.Key, string, string, ocpi.Time, int64) (watts int64, ok bool) {
	return 0, false
}
func (noInputs) Payer(string, ocpi.Time, int64) (ocpi.Party, bool) { return ocpi.Party{}, false }

// knows says who can be billed from which control offset on.
type knows map[string]int64

func (k knows) Billable(p ocpi.Party, below int64) bool {
	from, ok := k[p.ID]
	return ok && from < below
}
func (knows) Profile(_, _ ocpi.Party, _ ocpi.Time, _ int64) string { return "" }

// heldRun is what the store holds of a run.
type heldRun struct {
	progress map[int32]RepriceProgress
	rows     map[ingest.Position]Repriced
}

// repriceStore is a RepriceStore in memory.
type repriceStore struct {
	mu        sync.Mutex // of all below but records: partitions are priced side by side
	records   []ingest.Record
	counting  map[ingest.Position]StoredResult
	runs      map[string]*heldRun
	failAfter int             // writes until every one fails; negative: never
	lost      ingest.Position // of a record that is gone
	noted     []notedRun
	largest   int // changes in one write
	replaces  int // results that come to count until every write fails; negative: all
	writes    int
	before    func(write int) // what happens before one
}

var errStore = errors.New("the store is gone")

func newRepriceStore() *repriceStore {
	return &repriceStore{counting: map[ingest.Position]StoredResult{}, runs: map[string]*heldRun{}, failAfter: -1, replaces: -1,
		lost: ingest.Position{Offset: -1}}
}

// cdrEnvelope is that of a CDR of GB*DUN.
func cdrEnvelope(id string) ingest.Envelope {
	return ingest.Envelope{Object: ingest.ObjectCDR, Method: ingest.MethodPost, Version: ocpi.V221, Sender: "dundee", Key: ocpi.NewKey("GB", "DUN", id)}
}

// cdrText is a CDR of 20 kWh in January 2019 that carries its tariff, price a
// kWh and 20 % VAT, and claims total, before VAT. credits is the id of the CDR
// it credits, "" for none.
func cdrText(id, emsp, price, total, credits string) string {
	credit := ""
	if credits != "" {
		credit = fmt.Sprintf(`"credit":true,"credit_reference_id":%q,`, credits)
	}
	return fmt.Sprintf(`{"country_code":"GB","party_id":"DUN","id":%q,"start_date_time":"2019-01-05T10:00:00Z","end_date_time":"2019-01-05T11:00:00Z",
"cdr_token":{"country_code":"NL","party_id":%q,"uid":"1","type":"RFID","contract_id":"C"},"auth_method":"WHITELIST",
"cdr_location":{"id":"L1","address":"a","city":"c","country":"GBR","coordinates":{"latitude":"56.46000","longitude":"-2.97000"},"evse_uid":"E1","evse_id":"E1","connector_id":"1","connector_standard":"IEC_62196_T2","connector_format":"SOCKET","connector_power_type":"AC_3_PHASE"},
"currency":"GBP","tariffs":[{"country_code":"GB","party_id":"DUN","id":"T1","currency":"GBP","elements":[{"price_components":[{"type":"ENERGY","price":%s,"vat":20,"step_size":1}]}],"last_updated":"2019-01-01T00:00:00Z"}],
"charging_periods":[{"start_date_time":"2019-01-05T10:00:00Z","dimensions":[{"type":"ENERGY","volume":20}]}],%s
"total_cost":{"excl_vat":%s},"total_energy":20,"total_time":1,"last_updated":"2019-01-05T11:05:00Z"}`, id, emsp, price, credit, total)
}

// add stores a CDR of a partition with the result that policies give it.
func (s *repriceStore) add(partition int, id, emsp, price string, policies pricing.Policies, at pricing.AsOf) {
	in := parts[partition]
	p := ingest.Position{Epoch: in.Epoch, Partition: in.Number}
	for i := range s.records {
		if s.records[i].Partition == p.Partition {
			p.Offset++
		}
	}
	rec := ingest.Record{Position: p, Body: []byte(cdrText(id, emsp, price, "5", "")), Envelope: cdrEnvelope(id)}
	s.records = append(s.records, rec)
	var row pricing.Row
	pricing.NewPricer(noInputs{}, policies).Price(&rec, &row, at)
	s.counting[p] = StoredResult{Row: row, Month: row.Booked(), Version: versionOf(&row)}
}

// versionOf is that of a result: one that was priced again more often has a higher one, and
// so has a reject that was healed.
func versionOf(r *pricing.Row) uint64 {
	v := uint64(r.Generation) << 1
	if r.Outcome.Status != pricing.Rejected {
		v++
	}
	return v
}

func (s *repriceStore) in(p ingest.Partition) (list []ingest.Record) {
	for _, r := range s.records {
		if r.Partition == p.Number {
			list = append(list, r)
		}
	}
	return list
}

func (s *repriceStore) Checkpoint(_ context.Context, p ingest.Partition) (int64, error) {
	return int64(len(s.in(p))), nil
}

func (s *repriceStore) CountedResults(_ context.Context, r *Repricing, p ingest.Partition, from, to int64, fn func(*StoredResult) error) error {
	for _, rec := range s.in(p) {
		c := s.stands(rec.Position)
		if rec.Offset < from || rec.Offset >= to || c.Month.Compare(r.From) < 0 || c.Month.Compare(r.To) > 0 || c.Generation == pricing.MaxGeneration {
			continue
		}
		if err := fn(&c); err != nil {
			return err
		}
	}
	return nil
}

func (s *repriceStore) Spent(_ context.Context, r *Repricing, limit int) (n int64, first []ocpi.Key, err error) {
	for _, rec := range s.records {
		if c := s.stands(rec.Position); c.Generation == pricing.MaxGeneration && c.Month.Compare(r.From) >= 0 && c.Month.Compare(r.To) <= 0 {
			if n++; len(first) < limit {
				first = append(first, rec.Key)
			}
		}
	}
	return n, first, nil
}

func (s *repriceStore) CDRRecords(_ context.Context, p ingest.Partition, offsets []int64, fn func(*ingest.Record) error) error {
	for _, rec := range s.in(p) {
		if slices.Contains(offsets, rec.Offset) && rec.Position != s.lost {
			if err := fn(&rec); err != nil {
				return err
			}
		}
	}
	return nil
}

// stands is the result that counts.
func (s *repriceStore) stands(at ingest.Position) StoredResult {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counting[at]
}

// run is what is held of a run; who asks holds mu.
func (s *repriceStore) run(name string) *heldRun {
	if s.runs[name] == nil {
		s.runs[name] = &heldRun{map[int32]RepriceProgress{}, map[ingest.Position]Repriced{}}
	}
	return s.runs[name]
}

func (s *repriceStore) RepriceProgress(_ context.Context, run string) (list []RepriceProgress, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.run(run).progress {
		list = append(list, p)
	}
	return list, nil
}

func (s *repriceStore) WriteRepriced(_ context.Context, run string, _ ingest.Partition, page []Repriced, progress RepriceProgress) error {
	if s.failing() {
		return errStore
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.largest = max(s.largest, len(page))
	r := s.run(run)
	for _, c := range page {
		r.rows[c.Position] = c
	}
	r.progress[progress.Partition] = progress
	return nil
}

func (s *repriceStore) ForgetRepricing(_ context.Context, run string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.runs, run)
	return nil
}

// digest is of what a partner sees of a result.
func digest(r *pricing.Row) (sum uint64) {
	for _, b := range []byte(fmt.Sprint(r.Debtor, r.Outcome.Status, r.Outcome.Reason, numberText(r.Outcome.Computed.Excl), numberText(r.Outcome.Computed.Incl), r.Outcome.Claim)) {
		sum = sum*31 + uint64(b)
	}
	return sum
}

func (s *repriceStore) Changes(_ context.Context, run string, fn func(*Change) error) error {
	s.mu.Lock()
	rows := maps.Clone(s.run(run).rows)
	s.mu.Unlock()
	for _, rec := range slices.Concat(s.in(parts[0]), s.in(parts[1])) {
		r, ok := rows[rec.Position]
		if !ok {
			continue
		}
		c, counting := r.Change, s.stands(rec.Position)
		c.Content = digest(&r.Row)
		switch {
		case digest(&counting.Row) == c.Content:
			c.Stands = Counts
		case counting.Version == r.Version:
			c.Stands = Pending
		default:
			c.Stands = Overtaken
		}
		if err := fn(&c); err != nil {
			return err
		}
	}
	return nil
}

func (s *repriceStore) ApplyRepriced(_ context.Context, run string, p ingest.Partition) error {
	if s.failing() {
		return errStore
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rec := range s.in(p) {
		at := rec.Position
		r, ok := s.run(run).rows[at]
		if !ok || s.counting[at].Version != r.Version {
			continue
		}
		if s.replaces == 0 {
			return errStore
		}
		s.replaces--
		s.counting[at] = StoredResult{Row: r.Row, Month: r.Month, Version: versionOf(&r.Row)}
	}
	return nil
}

var (
	january2019 = Repricing{From: ocpi.MonthOf(2019, time.January), To: ocpi.MonthOf(2019, time.January)}
	then, now   = pricing.AsOf{Reference: 1, Control: 5}, pricing.AsOf{Reference: 1, Control: 10}
	exwKnown    = knows{"EXW": 1}
)

// debtorsCome holds three CDRs whose debtor was not known then and two others.
func debtorsCome() (*repriceStore, *Repricer) {
	s := newRepriceStore()
	s.add(0, "c-0", "TNM", "0.25", exwKnown, then)
	s.add(0, "c-1", "EXW", "0.25", exwKnown, then)
	s.add(0, "c-2", "TNM", "0.25", exwKnown, then)
	s.add(1, "c-3", "TNM", "0.30", exwKnown, then)
	s.add(1, "c-4", "EXW", "0.30", exwKnown, then)
	p := &Repricer{Store: s, Inputs: noInputs{}, Policies: knows{"EXW": 1, "TNM": 7}, AsOf: now, Partitions: parts, PageRows: 1, By: "local"}
	p.Log = &appliedLog{store: s, repricer: p}
	return s, p
}

// ran runs to the end and wants so many changes.
func ran(t *testing.T, p *Repricer, r Repricing, want int64) *RepriceReport {
	t.Helper()
	report, err := p.Run(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if report.Changed != want {
		t.Errorf("%d changes, want %d", report.Changed, want)
	}
	return report
}

func TestRepricingIsAppliedOnce(t *testing.T) {
	s, p := debtorsCome()
	report := ran(t, p, january2019, 3)
	if report.CDRs != 5 || report.Applied != (Applied{Pending: 3}) {
		t.Errorf("%d CDRs, %+v; want 5, 3 pending", report.CDRs, report.Applied)
	}
	for i, want := range []int64{3, 0} {
		a, err := p.Apply(t.Context(), january2019)
		if err != nil || a.After != (Applied{Applied: 3}) || a.After.Applied-a.Before.Applied != want || !a.Difference.IsZero() {
			t.Errorf("apply %d: %+v, %v; want 3 applied, %d moved", i, a, err, want)
		}
	}
	for at, c := range s.counting {
		if c.Outcome.Status != pricing.Priced {
			t.Errorf("%s is %s %s after it was applied", at, c.Outcome.Status, c.Outcome.Reason)
		}
	}
	if len(s.runs) != 1 {
		t.Errorf("%d runs are kept, want the one that was asked for", len(s.runs))
	}
}

// Whatever changed what the CDRs come to since the run, nothing is applied.
func TestNothingIsAppliedWhenTheDifferenceIsNotNothing(t *testing.T) {
	for _, tc := range []struct {
		name                        string
		since                       func(s *repriceStore, p *Repricer)
		appeared, vanished, changed int64
		example                     string
	}{
		{"a CDR came", func(s *repriceStore, p *Repricer) { s.add(0, "c-9", "TNM", "0.25", exwKnown, then) }, 1, 0, 0, "C-9"},
		{"a CDR came into an empty part of it", func(s *repriceStore, p *Repricer) { s.add(1, "c-9", "TNM", "0.25", exwKnown, then) }, 1, 0, 0, "C-9"},
		{"a debtor is known no longer", func(_ *repriceStore, p *Repricer) { p.Policies = exwKnown }, 0, 3, 0, "C-0"},
		{"another result counts, but what was found is still so", func(s *repriceStore, p *Repricer) {
			c := s.counting[s.records[2].Position]
			pricing.NewPricer(noInputs{}, p.Policies).Price(&s.records[2], &c.Row, now)
			c.Outcome.Computed.Excl = ocpi.MustNumber("4")
			c.Version++
			s.counting[s.records[2].Position] = c
		}, 0, 0, 0, ""},
		{"a record gives another price", func(s *repriceStore, p *Repricer) {
			s.records[3].Body = []byte(strings.Replace(string(s.records[3].Body), `"price":0.30`, `"price":0.40`, 1))
		}, 0, 0, 1, "C-3"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, p := debtorsCome()
			ran(t, p, january2019, 3)
			tc.since(s, p)
			before := fmt.Sprint(s.counting)
			a, err := p.Apply(t.Context(), january2019)
			d := &a.Difference
			if tc.example == "" {
				if err != nil || a.After.Applied != 3 {
					t.Fatalf("%+v, %v; want it applied", a, err)
				}
				return
			}
			if !errors.Is(err, ErrDiffers) || d.Appeared != tc.appeared || d.Vanished != tc.vanished || d.Changed != tc.changed {
				t.Fatalf("%+v, %v; want %d appeared, %d vanished, %d changed", d, err, tc.appeared, tc.vanished, tc.changed)
			}
			x := d.Examples[0]
			if (x.Then == nil) != (tc.appeared > 0) || (x.Now == nil) != (tc.vanished > 0) || (x.Then != nil && x.Then.Key.ID != tc.example) || (x.Now != nil && x.Now.Key.ID != tc.example) {
				t.Errorf("example %+v", x)
			}
			if a.After != a.Before || fmt.Sprint(s.counting) != before {
				t.Errorf("something was applied: %+v", a)
			}
			p.AsOf.Control++
			if err := p.Restart(t.Context(), january2019); err != nil {
				t.Fatal(err)
			}
			ran(t, p, january2019, 3+tc.appeared-tc.vanished)
			if a, err := p.Apply(t.Context(), january2019); err != nil || a.After.Applied != 3+tc.appeared-tc.vanished {
				t.Errorf("begun anew: %+v, %v", a, err)
			}
		})
	}
}

// A run that stops goes on where it was, priced by the same positions of the
// log, and comes to what it would have.
// opening is a Gate behind which the present is another one.
type opening pricing.AsOf

func (o opening) CatchUp(context.Context) (pricing.AsOf, error) { return pricing.AsOf(o), nil }

// What came while a run was priced is known when it is applied, by the same
// command too.
func TestARunIsAppliedAtThePresent(t *testing.T) {
	_, p := debtorsCome()
	p.AsOf, p.Gate = then, opening(now)
	ran(t, p, january2019, 0)
	a, err := p.Apply(t.Context(), january2019)
	if !errors.Is(err, ErrDiffers) || a.Difference.Appeared != 3 {
		t.Errorf("%v, %+v; want the three whose debtor came meanwhile", err, a.Difference)
	}
}

// What changes is stored in pieces that the store has memory for, however many
// CDRs a page has, and each CDR is counted once.
func TestAPageIsBoundedInBytes(t *testing.T) {
	s, p := debtorsCome()
	p.PageRows, p.PageBytes = 0, 1
	if report := ran(t, p, january2019, 3); report.CDRs != 5 {
		t.Errorf("%d CDRs, want 5", report.CDRs)
	}
	if s.largest != 1 {
		t.Errorf("%d changes were stored at once, want one", s.largest)
	}
}

func TestARunGoesOnWhereItStopped(t *testing.T) {
	_, p := debtorsCome()
	want := ran(t, p, january2019, 3)
	for writes := range 8 {
		s, p := debtorsCome()
		s.failAfter = writes
		_, err := p.Run(t.Context(), january2019)
		if err == nil {
			break
		}
		if !errors.Is(err, errStore) {
			t.Fatalf("after %d writes: %v", writes, err)
		}
		if writes > 1 { // both partitions are begun: what comes later is not seen
			p.AsOf = pricing.AsOf{Reference: 1, Control: 20}
			p.Policies = knows{"EXW": 1, "TNM": 7, "LAT": 15}
		}
		s.failAfter = -1
		report := ran(t, p, january2019, 3)
		if report.CDRs != want.CDRs || report.Applied != want.Applied || len(report.Accounts) != len(want.Accounts) {
			t.Errorf("after %d writes: %d CDRs, %+v; want %d, %+v", writes, report.CDRs, report.Applied, want.CDRs, want.Applied)
		}
		for _, progress := range s.run(january2019.Name()).progress {
			if writes > 1 && progress.AsOf != now {
				t.Errorf("after %d writes: partition %d goes on at %+v, began at %+v", writes, progress.Partition, progress.AsOf, now)
			}
		}
	}
}

// A run is only what it was begun for, and only whole runs are applied.
func TestRunsThatCannotBe(t *testing.T) {
	s, p := debtorsCome()
	named := january2019
	named.Run = "audit"
	s.failAfter = 3
	if _, err := p.Run(t.Context(), named); !errors.Is(err, errStore) {
		t.Fatal(err)
	}
	s.failAfter = -1
	if _, err := p.Apply(t.Context(), named); err == nil || !strings.Contains(err.Error(), "not complete") {
		t.Errorf("a run that is not complete is applied: %v", err)
	}
	other := named
	other.Profile = "STEP_NONE"
	if _, err := p.Run(t.Context(), other); err == nil || !strings.Contains(err.Error(), "--restart") {
		t.Errorf("a run of that name for other terms: %v", err)
	}
	p.Partitions = parts[:1]
	if _, err := p.Run(t.Context(), named); err == nil || !strings.Contains(err.Error(), "partition 1") {
		t.Errorf("a run of more partitions than there are: %v", err)
	}
}

// A CDR that was priced again as often as can be keeps its result and is told of; the run
// is about the others.
func TestWhatCannotBePricedAgain(t *testing.T) {
	s, p := debtorsCome()
	for i, generation := range []uint16{pricing.MaxGeneration, 0, pricing.MaxGeneration - 1} {
		c := s.counting[s.records[i].Position]
		c.Generation = generation
		c.Version = versionOf(&c.Row)
		s.counting[s.records[i].Position] = c
	}
	for run, want := range []struct {
		cdrs, changed, spent int64
		first                string
	}{{4, 2, 1, "[GB*DUN*C-0]"}, {3, 0, 2, "[GB*DUN*C-0 GB*DUN*C-2]"}} {
		if err := p.Restart(t.Context(), january2019); err != nil {
			t.Fatal(err)
		}
		report := ran(t, p, january2019, want.changed)
		if report.CDRs != want.cdrs || report.Spent != want.spent || fmt.Sprint(report.SpentCDRs) != want.first {
			t.Errorf("run %d: %d CDRs, %d of which cannot: %v; want %+v", run, report.CDRs, report.Spent, report.SpentCDRs, want)
		}
		if a, err := p.Apply(t.Context(), january2019); err != nil || a.After != (Applied{Applied: want.changed}) {
			t.Errorf("run %d: %+v, %v", run, a, err)
		}
	}
	if c := s.counting[s.records[0].Position]; c.Outcome.Status != pricing.Rejected {
		t.Errorf("C-0 is %s now", c.Outcome.Status)
	}
	if proof := p.Log.(*appliedLog).prove(t); len(proof.Faults) > 0 {
		t.Errorf("%+v", proof)
	}
}

// A result without its record is damage, not a CDR that is left out.
func TestARepricingWithoutItsRecord(t *testing.T) {
	s, p := debtorsCome()
	s.lost = s.records[1].Position
	if _, err := p.Run(t.Context(), january2019); err == nil || !strings.Contains(err.Error(), "roamclear verify") {
		t.Errorf("a result whose record is gone: %v", err)
	}
}
