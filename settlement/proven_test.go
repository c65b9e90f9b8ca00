package settlement

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// provenLog is a log in memory with what its groups have committed.
type provenLog struct {
	*ingesttest.Log
	ledgers map[ingest.Partition]ingest.Ledger
	onRead  func() // before each read; nil: nothing
	fails   *string
}

func (l *provenLog) Ledger(_ context.Context, p ingest.Partition) (ingest.Ledger, error) {
	return l.ledgers[p], failing(l.fails, "Ledger")
}

func (l *provenLog) Bounds(ctx context.Context, p ingest.Partition) (start, end int64, err error) {
	if err := failing(l.fails, "Bounds"); err != nil {
		return 0, 0, err
	}
	return l.Log.Bounds(ctx, p)
}

func (l *provenLog) Read(ctx context.Context, p ingest.Partition, from int64, maxRecords int) ([]ingest.Record, error) {
	if l.onRead != nil {
		l.onRead()
	}
	if err := failing(l.fails, "Read"); err != nil {
		return nil, err
	}
	return l.Log.Read(ctx, p, from, maxRecords)
}

// failing is the error of the method that is to fail.
func failing(fails *string, method string) error {
	if fails != nil && *fails == method {
		return fmt.Errorf("%s: %w", method, errStore)
	}
	return nil
}

// provenStore is a VerifyStore in memory. Its report is what its results add up to.
type provenStore struct {
	onCheckpoint func() // when it is asked how far it is; nil: nothing
	next         map[ingest.Partition]int64
	records      map[ingest.Partition][]ingest.Record
	gaps         map[ingest.Partition][][2]int64
	copies       []StoredCopy
	cdrs         []StoredCDR
	listings     []StoredListing
	objects      []StoredObject
	listed       []StoredObjectListing
	results      []StoredResult
	relations    []Relation
	named        []ocpi.Key
	shared       []uint64
	unlisted     []ocpi.Key
	progress     Ends
	issuers      map[string]ocpi.Issuers
	kept         []KeptObject // beside objects
	reads        map[ocpi.Party]ListRead
	lates        []StoredLate
	chosen       []ChosenCopy

	report   func([]SettlementRow) []SettlementRow // damage to the report; nil: none
	onReport func(reading int)                     // before each reading, from 1; nil: nothing
	readings int
	fails    *string
}

// scan hands on rows until fn fails.
func scan[T any](s *provenStore, method string, rows []T, fn func(T) error) error {
	if err := failing(s.fails, method); err != nil {
		return err
	}
	for _, r := range rows {
		if err := fn(r); err != nil {
			return err
		}
	}
	return nil
}

// ofCDRs is scan of rows that only the partition of CDRs has.
func ofCDRs[T any](s *provenStore, method string, p ingest.Partition, rows []T, fn func(T) error) error {
	if p.Topic != ingest.TopicCDRs {
		rows = nil
	}
	return scan(s, method, rows, fn)
}

func (s *provenStore) Checkpoint(_ context.Context, p ingest.Partition) (int64, error) {
	if s.onCheckpoint != nil {
		s.onCheckpoint()
	}
	return s.next[p], failing(s.fails, "Checkpoint")
}

func (s *provenStore) Gaps(_ context.Context, p ingest.Partition) ([][2]int64, error) {
	return s.gaps[p], failing(s.fails, "Gaps")
}

func (s *provenStore) RecordsRange(_ context.Context, p ingest.Partition, _, to int64, fn func(ingest.Record) error) error {
	walked := slices.DeleteFunc(slices.Clone(s.records[p]), func(r ingest.Record) bool { return r.Offset >= to })
	return scan(s, "RecordsRange", walked, fn)
}

// CopiesRange says of each copy what follows from all copies of its CDR.
func (s *provenStore) CopiesRange(_ context.Context, p ingest.Partition, _, _ int64, fn func(StoredCopy) error) error {
	return ofCDRs(s, "CopiesRange", p, s.copies, func(c StoredCopy) error {
		first := s.copies[slices.IndexFunc(s.copies, func(o StoredCopy) bool { return o.Key == c.Key })]
		c.First, c.FirstHash = first.Position, first.Hash
		for _, o := range s.copies {
			if o.Key == c.Key {
				c.Copies++
				c.Differ, c.Conflict = c.Differ || o.Hash != first.Hash, c.Conflict || o.Conflict
			}
		}
		return fn(c)
	})
}

func (s *provenStore) ListingsRange(_ context.Context, p ingest.Partition, _, _ int64, fn func(StoredListing) error) error {
	return ofCDRs(s, "ListingsRange", p, s.listings, fn)
}

func (s *provenStore) ObjectsRange(_ context.Context, p ingest.Partition, _ int64, fn func(StoredObject) error) error {
	return ofReference(s, "ObjectsRange", p, s.objects, fn)
}

func (s *provenStore) ObjectListingsRange(_ context.Context, p ingest.Partition, _ int64, fn func(StoredObjectListing) error) error {
	return ofReference(s, "ObjectListingsRange", p, s.listed, fn)
}

func (s *provenStore) ChangesBefore(_ context.Context, p ingest.Partition, next int64, fn func(StoredChange) error) error {
	var changes []StoredChange
	for i := range s.records[p] {
		if r := &s.records[p][i]; r.Offset < next {
			changes = append(changes, StoredChange{r.Identity(), r.Offset, r.Method, r.Path})
		}
	}
	slices.SortStableFunc(changes, func(a, b StoredChange) int { return compareIdentities(a.Identity, b.Identity) })
	return scan(s, "ChangesBefore", changes, fn)
}

func (s *provenStore) KeptObjects(_ context.Context, p ingest.Partition, fn func(KeptObject) error) error {
	kept := slices.Clone(s.kept)
	for i := range s.objects {
		o := &s.objects[i]
		kept = append(kept, KeptObject{Identity: o.Identity, Position: o.Position, With: o.With})
	}
	kept = slices.DeleteFunc(kept, func(k KeptObject) bool { return k.Identity.Object.Topic() != p.Topic })
	slices.SortStableFunc(kept, func(a, b KeptObject) int { return compareIdentities(a.Identity, b.Identity) })
	return scan(s, "KeptObjects", kept, fn)
}

func (s *provenStore) StatesAt(_ context.Context, _ ingest.Partition, wanted []StateAt) (map[StateAt]ingest.ObjectState, error) {
	found := map[StateAt]ingest.ObjectState{}
	for _, at := range wanted {
		found[at] = ingest.ObjectState{Object: at.Identity.Object, Key: at.Identity.Key, Variant: at.Identity.Variant, Position: ingest.Position{Offset: at.Offset}}
	}
	return found, failing(s.fails, "StatesAt")
}

func (s *provenStore) RecordsAt(_ context.Context, p ingest.Partition, offsets []int64, fn func(ingest.Record) error) error {
	wanted := slices.DeleteFunc(slices.Clone(s.records[p]), func(r ingest.Record) bool { return !slices.Contains(offsets, r.Offset) })
	return scan(s, "RecordsAt", wanted, fn)
}

func (s *provenStore) ListReads(context.Context) (map[ocpi.Party]ListRead, error) {
	return s.reads, failing(s.fails, "ListReads")
}

func (s *provenStore) LateRange(_ context.Context, p ingest.Partition, _, _ int64, fn func(StoredLate) error) error {
	return ofCDRs(s, "LateRange", p, s.lates, fn)
}

func (s *provenStore) Chosen(_ context.Context, fn func(ChosenCopy) error) error {
	return scan(s, "Chosen", s.chosen, fn)
}

func (s *provenStore) IssuerLists(context.Context) (map[string]ocpi.Issuers, error) {
	return s.issuers, failing(s.fails, "IssuerLists")
}

// ofReference is scan of rows that only the partition of reference data has.
func ofReference[T any](s *provenStore, method string, p ingest.Partition, rows []T, fn func(T) error) error {
	if p.Topic != ingest.TopicReference {
		rows = nil
	}
	return scan(s, method, rows, fn)
}

func (s *provenStore) WinnersRange(_ context.Context, p ingest.Partition, _, _ int64, fn func(StoredCDR) error) error {
	return ofCDRs(s, "WinnersRange", p, s.cdrs, fn)
}

func (s *provenStore) ResultsRange(_ context.Context, p ingest.Partition, _, _ int64, fn func(StoredResult) error) error {
	return ofCDRs(s, "ResultsRange", p, s.results, fn)
}

func (s *provenStore) RelationProgress(context.Context) (Ends, error) {
	return s.progress, failing(s.fails, "RelationProgress")
}

func (s *provenStore) StoredRelations(_ context.Context, fn func(Relation) error) error {
	return scan(s, "StoredRelations", s.relations, fn)
}

func (s *provenStore) CreditsNamed(_ context.Context, fn func(ocpi.Key) error) error {
	return scan(s, "CreditsNamed", s.named, fn)
}

func (s *provenStore) SharedSessions(_ context.Context, fn func(uint64) error) error {
	return scan(s, "SharedSessions", s.shared, fn)
}

func (s *provenStore) UnlistedSessions(context.Context, int) ([]ocpi.Key, error) {
	return s.unlisted, failing(s.fails, "UnlistedSessions")
}

// SettlementAt adds up what is stored, as the store's query does.
func (s *provenStore) SettlementAt(_ context.Context, _ SettlementQuery, _ Ends, credited []ocpi.Key) ([]SettlementRow, error) {
	if s.readings++; s.onReport != nil {
		s.onReport(s.readings)
	}
	var rows []SettlementRow
	row := func(cpo, emsp ocpi.Party, month ocpi.Month, currency string) *SettlementRow {
		i := slices.IndexFunc(rows, func(r SettlementRow) bool {
			return r.CPO == cpo && r.EMSP == emsp && r.Month == month && r.Currency == currency
		})
		if i < 0 {
			i, rows = len(rows), append(rows, SettlementRow{CPO: cpo, EMSP: emsp, Month: month, Currency: currency})
		}
		return &rows[i]
	}
	for i := range s.results {
		r := &s.results[i]
		r.sum(row(r.Creditor, r.Debtor, r.Month, r.Currency), slices.Contains(credited, r.Record.Key))
	}
	if s.report != nil {
		rows = s.report(rows)
	}
	return rows, failing(s.fails, "SettlementAt")
}

// sum adds a stored result to its row.
func (r *StoredResult) sum(s *SettlementRow, credited bool) {
	claimed := SumOf(r.Outcome.Claimed)
	s.Net = s.Net.Add(claimed)
	switch {
	case r.Credit:
		s.CreditCount++
		s.Credits = s.Credits.Add(claimed)
		return
	case r.Outcome.Status == pricing.Priced && credited:
		s.CreditedCount++
		s.CreditedClaimed = s.CreditedClaimed.Add(claimed)
	case r.Outcome.Status == pricing.Priced:
		s.Computed = s.Computed.Add(SumOf(r.Outcome.Computed))
		for _, tax := range r.Outcome.Taxes {
			s.Tax = append(s.Tax, TaxSum{Name: tax.Name, Percentage: tax.Percentage.DecimalOrNil(), Amount: tax.Amount.Decimal()})
		}
		if r.Outcome.Claim == tariff.ClaimDiffers {
			s.DiffersCount++
		}
	default:
		s.UnpricedCount++
		s.UnpricedClaimed = s.UnpricedClaimed.Add(claimed)
	}
	s.CDRCount++
	s.Claimed = s.Claimed.Add(claimed)
}

// proven is a log and a store that agree, to be damaged.
type proven struct {
	log    *provenLog
	store  *provenStore
	inputs pricing.Inputs // nil: noInputs
	at     pricing.AsOf   // that CDRs are priced by; zero: then
	fold   FoldFunc
	fails  string // method that fails from now on
}

// The partitions of the tests of verify.
var (
	cdrs    = ingest.Partition{Topic: ingest.TopicCDRs, Epoch: 1}
	started = ingest.Partition{Topic: ingest.TopicSessions, Epoch: 1}
	tokens  = ingest.Partition{Topic: ingest.TopicReference, Epoch: 1}
	refused = ingest.Partition{Topic: ingest.TopicRefused, Epoch: 1}
)

func newProven() *proven {
	w := &proven{}
	w.log = &provenLog{Log: ingesttest.NewLog(1), ledgers: map[ingest.Partition]ingest.Ledger{}, fails: &w.fails}
	w.store = &provenStore{next: map[ingest.Partition]int64{}, records: map[ingest.Partition][]ingest.Record{}, gaps: map[ingest.Partition][][2]int64{}, progress: Ends{}, fails: &w.fails}
	return w
}

// policies know NL*TNM later than the CDRs were priced.
var provenPolicies = knows{"EXW": 1, "TNM": 7}

// newProvenCDRs is a log of eight CDRs, with two Tokens beside, all of it stored:
// one whose claim agrees and one whose claim differs, a reject, a repeat, a
// conflict, one credited in full by the next, and a credit of nothing.
func newProvenCDRs(t *testing.T) *proven {
	t.Helper()
	w := newProven()
	for _, body := range []string{`{"uid":"1"}`, `{"uid":"2"}`} {
		w.stored(t, tokens, &ingest.Envelope{Object: ingest.ObjectToken, Method: ingest.MethodPut, Key: ocpi.NewKey("NL", "EXW", "1")}, body)
	}
	for _, c := range []struct{ id, emsp, price, total, credits string }{
		{"c-1", "EXW", "0.25", `5,"incl_vat":6`, ""},
		{"c-2", "EXW", "0.30", "5", ""},
		{"c-3", "TNM", "0.25", "5", ""},
		{"c-1", "EXW", "0.25", `5,"incl_vat":6`, ""},
		{"c-2", "EXW", "0.30", "5.5", ""},
		{"c-4", "EXW", "0.25", `5,"incl_vat":6`, ""},
		{"k-1", "EXW", "0.25", `-5,"incl_vat":-6`, "c-4"},
		{"k-2", "EXW", "0.25", "-1", "never-came"},
	} {
		e := cdrEnvelope(c.id)
		w.stored(t, cdrs, &e, cdrText(c.id, c.emsp, c.price, c.total, c.credits))
	}
	key := func(id string) ocpi.Key { return ocpi.NewKey("GB", "DUN", id) }
	w.store.relations = []Relation{{Kind: Credited, Key: key("c-4"), Other: key("k-1")}, {Kind: CreditOrphan, Key: key("k-2"), Other: key("never-came")}}
	w.store.named = []ocpi.Key{key("c-4"), key("never-came")}
	w.store.progress[cdrs] = w.store.next[cdrs]
	return w
}

// stored appends a record and stores all that comes of it.
func (w *proven) stored(t *testing.T, p ingest.Partition, e *ingest.Envelope, body string) {
	t.Helper()
	pos, err := w.log.Append(t.Context(), p.Topic, e, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	r := ingest.Record{Position: pos, Envelope: *e, Body: []byte(body)}
	entry := ingest.EntryOf(&r)
	if p == cdrs {
		row := w.priced(&r)
		r.Hash = row.Record.Hash
		entry = ingest.EntryOf(&r)
		entry.Currency, entry.Excl, entry.Incl = row.Currency, row.Outcome.Claimed.Excl, row.Outcome.Claimed.Incl
		w.book(row)
	}
	if p == tokens {
		w.keep(&r)
	}
	w.store.records[p] = append(w.store.records[p], r)
	w.store.next[p] = pos.Offset + 1
	ledger := w.log.ledgers[p]
	ledger.Add(entry)
	w.log.ledgers[p] = ledger
}

// keep stores the object that a record PUTs, with the lists it is on.
func (w *proven) keep(r *ingest.Record) {
	s := w.store
	i := slices.IndexFunc(s.objects, func(o StoredObject) bool { return o.Identity == r.Identity() })
	if i < 0 {
		i, s.objects = len(s.objects), append(s.objects, StoredObject{Identity: r.Identity(), Created: ingest.CreatedBy(r)})
	}
	o := &s.objects[i]
	o.Position, o.LastUpdated, o.Received, o.Deleted = r.Position, r.Received, r.Received, r.Method == ingest.MethodDelete
	s.listed = slices.DeleteFunc(s.listed, func(l StoredObjectListing) bool { return l.Identity == o.Identity })
	ListsOf(o.state(), func(l ObjectList, gone bool) {
		s.listed = append(s.listed, StoredObjectListing{o.Identity, o.Position, o.Created, l, ListedAt(o.state(), l), listedSince(o.state(), l), gone})
	})
	slices.SortStableFunc(s.listed, func(a, b StoredObjectListing) int { return cmp.Compare(a.Created.Offset, b.Created.Offset) })
}

// priced is what comes of a CDR when it is stored.
func (w *proven) priced(r *ingest.Record) *pricing.Row {
	if w.inputs == nil {
		return priced(r, then)
	}
	var row pricing.Row
	pricing.NewPricer(w.inputs, provenPolicies).Price(r, &row, w.at)
	return &row
}

func priced(r *ingest.Record, at pricing.AsOf) *pricing.Row {
	var row pricing.Row
	pricing.NewPricer(noInputs{}, provenPolicies).Price(r, &row, at)
	return &row
}

// book stores what came of a CDR: of a further copy, that it came.
func (w *proven) book(row *pricing.Row) {
	s, r := w.store, &row.Record
	if i := slices.IndexFunc(s.cdrs, func(c StoredCDR) bool { return c.Key == r.Key }); i >= 0 {
		hash := w.store.records[cdrs][s.cdrs[i].Position.Offset].Hash
		s.copies = append(s.copies,
			StoredCopy{Key: r.Key, Position: s.cdrs[i].Position, Hash: hash, EMSP: s.cdrs[i].EMSP},
			StoredCopy{Key: r.Key, Position: r.Position, Hash: r.Hash, EMSP: row.Debtor, Conflict: r.Hash != hash})
		slices.SortFunc(s.copies, func(a, b StoredCopy) int { return cmp.Compare(a.Position.Offset, b.Position.Offset) })
		return
	}
	s.cdrs = append(s.cdrs, StoredCDR{Key: r.Key, Position: r.Position, EMSP: row.Debtor, Month: row.Booked(), LastUpdated: row.LastUpdated})
	s.listings = append(s.listings, StoredListing{Position: r.Position, Party: r.Key.Party, Creditor: true, LastUpdated: row.LastUpdated, Received: r.Received},
		StoredListing{Position: r.Position, Party: row.Debtor, LastUpdated: row.LastUpdated, Received: r.Received})
	s.results = append(s.results, StoredResult{Row: *row, Month: row.Booked(), Version: 1})
}

func (w *proven) verify(t *testing.T) (*Report, error) {
	t.Helper()
	v := &Verifier{Log: w.log, Store: w.store, Inputs: cmp.Or[pricing.Inputs](w.inputs, noInputs{}), Policies: provenPolicies, Fold: w.fold}
	return v.Verify(t.Context())
}

// disagreements are the lines of a report.
func disagreements(r *Report) []string {
	var lines []string
	for _, d := range r.Disagreements {
		lines = append(lines, d.String())
	}
	return lines
}
