package settlement

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/shopspring/decimal"
)

// counts are what a report says was walked.
func counts(r *Report) string {
	return fmt.Sprintf("%d walked, %d by checkpoint, %d unproven, %d ahead, %d doubled; %d CDRs: %d priced, %d rejected, %d credits, %d repeats, %d conflicts, %d related",
		r.Records, r.TrimmedProven, r.Unproven, r.Ahead, r.Doubled, r.CDRs, r.Priced, r.Rejected, r.Credits, r.Repeats, r.Conflicts, r.Related)
}

func TestVerifyProvesWhatAgrees(t *testing.T) {
	r, err := newProvenCDRs(t).verify(t)
	if err != nil || !r.Proved() {
		t.Fatalf("%v\n%s", err, strings.Join(disagreements(r), "\n"))
	}
	want := "10 walked, 0 by checkpoint, 0 unproven, 0 ahead, 0 doubled; 6 CDRs: 3 priced, 1 rejected, 2 credits, 1 repeats, 1 conflicts, 2 related"
	if diff := cmp.Diff(want, counts(r)); diff != "" {
		t.Error(diff)
	}
}

// without is a list without its element at an index.
func without[T any](list []T, i int) []T { return slices.Delete(slices.Clone(list), i, i+1) }

// Every kind of damage to the store is seen, and nothing else is said.
func TestVerifySeesDamageOfTheStore(t *testing.T) {
	offsets := func(w *proven) []ingest.Record { return w.store.records[cdrs] }
	for _, tc := range []struct {
		name   string
		damage func(s *provenStore, w *proven)
		want   []string // a part of each line
	}{
		// records
		{"a record is gone", func(s *provenStore, w *proven) { s.records[cdrs] = without(offsets(w), 3) },
			[]string{"at offset 3: records 3 to 3 are not in the store", "duplicates holds a row of GB*DUN*C-1 that no first copy in records accounts for", "the store holds 7 records from offset 0 to 8, the log's checkpoint counted 8", "GBP: the store's records before offset 8 claim"}},
		{"the last ones are gone", func(s *provenStore, w *proven) { s.records[tokens], s.objects, s.listed = nil, nil, nil },
			[]string{"reference/0 at offset 0: records 0 to 1 are not in the store", "holds 0 records from offset 0 to 2"}},
		{"the body of a CDR is changed", func(s *provenStore, w *proven) {
			offsets(w)[1].Body = []byte(cdrText("c-2", "EXW", "0.25", "5", ""))
		}, []string{"the store's record of cdr GB*DUN*C-2 differs from the log's", "CDR GB*DUN*C-2 is stored with content hash", "computed excl_vat is stored as 6", "computed incl_vat is stored as 7.2", "energy excl_vat is stored as 6", "energy incl_vat is stored as 7.2", "is stored as priced by tariff", "taxes are stored as", "the claim is stored as differs", "their digest is"}},
		{"white space of a body is changed", func(s *provenStore, w *proven) { offsets(w)[1].Body = append(slices.Clone(offsets(w)[1].Body), ' ') },
			[]string{"the store's record of cdr GB*DUN*C-2 differs from the log's", "their digest is"}},
		{"the body of a Token is changed", func(s *provenStore, w *proven) { s.records[tokens][1].Body = []byte(`{"uid":"3"}`) },
			[]string{"the store's record of token NL*EXW*1 differs from the log's", "their digest is"}},
		{"a sender is changed", func(s *provenStore, w *proven) { offsets(w)[0].Sender = "perth" },
			[]string{"the store's record of cdr GB*DUN*C-1 differs from the log's"}},
		{"a content hash is changed", func(s *provenStore, w *proven) { offsets(w)[5].Hash[0]++ },
			[]string{"CDR GB*DUN*C-4 is stored with content hash", "their digest is"}},
		{"a record stands twice", func(s *provenStore, w *proven) {
			s.records[cdrs] = slices.Insert(slices.Clone(offsets(w)), 1, offsets(w)[0])
		}, nil},
		{"two records stand in one place", func(s *provenStore, w *proven) {
			other := offsets(w)[0]
			other.Sender = "perth"
			s.records[cdrs] = slices.Insert(slices.Clone(offsets(w)), 1, other)
		}, []string{"at offset 0: the store holds two different records at this position"}},

		// duplicates: C-1 at 0 and 3, C-2 at 1 and 4
		{"a copy is gone", func(s *provenStore, _ *proven) { s.copies = without(s.copies, 2) },
			[]string{"at offset 0: duplicates holds GB*DUN*C-1, of which it has no other copy", "at offset 3: CDR GB*DUN*C-1 has no row in cdrs", "at offset 3: CDR GB*DUN*C-1 has no row in results"}},
		{"the first copy is gone", func(s *provenStore, _ *proven) { s.copies = without(s.copies, 0) },
			[]string{"at offset 3: duplicates holds GB*DUN*C-1, of which it has no other copy", "at offset 3: CDR GB*DUN*C-1 has no row in cdrs", "at offset 3: CDR GB*DUN*C-1 has no row in results"}},
		{"both copies are gone", func(s *provenStore, _ *proven) { s.copies = without(without(s.copies, 2), 0) },
			[]string{"at offset 3: CDR GB*DUN*C-1 has no row in cdrs", "at offset 3: CDR GB*DUN*C-1 has no row in results"}},
		{"a repeat is made a conflict", func(s *provenStore, _ *proven) { s.copies[2].Hash[0]++ }, []string{"CDR GB*DUN*C-1 is listed as a conflict: false; its copies differ: true", "at offset 3: duplicates holds GB*DUN*C-1 with content hash"}},
		{"a conflict is not listed", func(s *provenStore, _ *proven) { s.copies[3].Conflict = false }, []string{"CDR GB*DUN*C-2 is listed as a conflict: false; its copies differ: true"}},
		{"a repeat is listed as a conflict", func(s *provenStore, _ *proven) { s.copies[2].Conflict = true }, []string{"CDR GB*DUN*C-1 is listed as a conflict: true; its copies differ: false"}},
		{"another eMSP lists the conflict", func(s *provenStore, _ *proven) { s.copies[1].EMSP.ID = "XXX" }, []string{"duplicates has CDR GB*DUN*C-2 for NL*XXX"}},
		{"a copy is another CDR's", func(s *provenStore, _ *proven) { s.copies[0].Key.ID = "X" }, []string{"duplicates holds GB*DUN*X with content hash", "duplicates holds GB*DUN*X, of which it has no other copy",
			"duplicates holds GB*DUN*C-1, of which it has no other copy", "CDR GB*DUN*C-1 has no row in cdrs", "CDR GB*DUN*C-1 has no row in results"}},
		{"a copy of nothing", func(s *provenStore, _ *proven) {
			s.copies = append(s.copies, StoredCopy{Key: ocpi.NewKey("GB", "DUN", "x"), Position: cdrs.At(9)})
		}, []string{"duplicates holds a row of GB*DUN*X that no first copy in records accounts for"}},

		// sender_lists: the CPO's and the eMSP's of each
		{"it is gone from the eMSP's list", func(s *provenStore, _ *proven) { s.listings = without(s.listings, 1) },
			[]string{"sender_lists lacks CDR GB*DUN*C-1, last updated 2019-01-05T11:05:00Z, on the list of NL*EXW"}},
		{"it is gone from the CPO's list", func(s *provenStore, _ *proven) { s.listings = without(s.listings, 0) }, []string{"on the list of GB*DUN"}},
		{"it is on another's list", func(s *provenStore, _ *proven) { s.listings[1].Party.ID = "XXX" },
			[]string{"sender_lists lacks CDR GB*DUN*C-1", "sender_lists has CDR GB*DUN*C-1"}},
		{"a list has it twice", func(s *provenStore, _ *proven) {
			s.listings = slices.Insert(slices.Clone(s.listings), 1, s.listings[1])
		},
			[]string{"sender_lists has CDR GB*DUN*C-1"}},
		{"a list has it at another time", func(s *provenStore, _ *proven) { s.listings[1].LastUpdated++ },
			[]string{"sender_lists lacks CDR GB*DUN*C-1", "sender_lists has CDR GB*DUN*C-1"}},
		{"a list has it in another order", func(s *provenStore, _ *proven) { s.listings[1].Received++ },
			[]string{"sender_lists lacks CDR GB*DUN*C-1", "sender_lists has CDR GB*DUN*C-1"}},
		{"who was found later to owe it has it since", func(s *provenStore, _ *proven) {
			s.cdrs[0].Moved = true
			s.listings[1].Received++
		}, nil},
		{"before it came", func(s *provenStore, _ *proven) {
			s.cdrs[0].Moved = true
			s.listings[1].Received--
		}, []string{"sender_lists lacks CDR GB*DUN*C-1", "sender_lists has CDR GB*DUN*C-1"}},
		{"the CPO has it later", func(s *provenStore, _ *proven) {
			s.cdrs[0].Moved = true
			s.listings[0].Received++
		}, []string{"sender_lists lacks CDR GB*DUN*C-1", "sender_lists has CDR GB*DUN*C-1"}},
		{"a repeat is on a list", func(s *provenStore, _ *proven) {
			again := s.listings[0]
			again.Position.Offset = 3
			s.listings = slices.Insert(slices.Clone(s.listings), 6, again)
		}, []string{"sender_lists holds a row of GB*DUN* that no first copy in records accounts for"}},

		// cdrs: what single CDRs are found by
		{"a CDR is gone from lists", func(s *provenStore, _ *proven) { s.cdrs = without(s.cdrs, 1) }, []string{"CDR GB*DUN*C-2 has no row in cdrs"}},
		{"the last CDR is gone from lists", func(s *provenStore, _ *proven) { s.cdrs = s.cdrs[:5] }, []string{"CDR GB*DUN*K-2 has no row in cdrs"}},
		{"a repeat is listed", func(s *provenStore, _ *proven) {
			again := s.cdrs[0]
			again.Position.Offset = 3
			s.cdrs = slices.Insert(slices.Clone(s.cdrs), 3, again)
		}, []string{"cdrs holds a row of GB*DUN*C-1 that no first copy in records accounts for"}},
		{"a CDR is listed under another id", func(s *provenStore, _ *proven) { s.cdrs[0].Key.ID = "X" }, []string{"cdrs holds GB*DUN*X where the record is GB*DUN*C-1"}},
		{"lists show it to another eMSP", func(s *provenStore, _ *proven) { s.cdrs[0].EMSP.ID = "XXX" }, []string{"cdrs has CDR GB*DUN*C-1 for NL*XXX"}},
		{"lists have it in another month", func(s *provenStore, _ *proven) { s.cdrs[0].Month = 201902 }, []string{"cdrs has CDR GB*DUN*C-1 for NL*EXW in 2019-02"}},
		{"it was last updated at another time", func(s *provenStore, _ *proven) { s.cdrs[0].LastUpdated++ }, []string{"cdrs has CDR GB*DUN*C-1 for NL*EXW"}},
		{"the debtor found later does not list it", func(s *provenStore, _ *proven) { s.cdrs[2].EMSP = ocpi.Party{} }, []string{"cdrs has CDR GB*DUN*C-3 for *"}},

		// results: what reports read
		{"a CDR is gone from reports", func(s *provenStore, _ *proven) { s.results = without(s.results, 1) }, []string{"CDR GB*DUN*C-2 has no row in results"}},
		{"a result is of another CDR", func(s *provenStore, _ *proven) { s.results[0].Record.Key.ID = "X" }, []string{"results holds GB*DUN*X where the record is GB*DUN*C-1"}},
		{"a result counts twice", func(s *provenStore, _ *proven) {
			again := s.results[0]
			again.Record.Offset = 9
			s.results = append(s.results, again)
		}, []string{"results holds a row of GB*DUN*C-1 that no first copy in records accounts for", "cdr_count is 4, CDRs give 3", "computed excl_vat is 16, CDRs give 11"}},
		{"a debtor is changed", func(s *provenStore, _ *proven) { s.results[0].Debtor.ID = "XXX" },
			[]string{`results books CDR GB*DUN*C-1 on "GB*DUN claims from NL*XXX`, "a row that no CDR accounts for: GB*DUN claims from NL*XXX", "cdr_count is 2, CDRs give 3"}},
		{"a creditor is changed", func(s *provenStore, _ *proven) { s.results[0].Creditor.ID = "PER" },
			[]string{`results books CDR GB*DUN*C-1 on "GB*PER claims from NL*EXW`, "a row that no CDR accounts for"}},
		{"a month is changed", func(s *provenStore, _ *proven) { s.results[0].Month = 201903 },
			[]string{`results books CDR GB*DUN*C-1 on "GB*DUN claims from NL*EXW, 2019-03`, "a row that no CDR accounts for"}},
		{"a currency is changed", func(s *provenStore, _ *proven) { s.results[0].Currency = "EUR" }, []string{"results books CDR GB*DUN*C-1 on", "a row that no CDR accounts for"}},
		{"a claim is changed", func(s *provenStore, _ *proven) { s.results[0].Outcome.Claimed.Excl = ocpi.MustNumber("8") },
			[]string{"CDR GB*DUN*C-1: claimed excl_vat is stored as 8, its raw body gives", "claimed excl_vat is 18, CDRs give 15", "net excl_vat is"}},
		{"a claim with VAT is made up", func(s *provenStore, _ *proven) { s.results[1].Outcome.Claimed.Incl = ocpi.MustNumber("6") },
			[]string{"CDR GB*DUN*C-2: claimed incl_vat is stored as 6, its raw body gives"}},
		{"a price is changed", func(s *provenStore, _ *proven) { s.results[0].Outcome.Computed.Excl = ocpi.MustNumber("6.99") },
			[]string{"CDR GB*DUN*C-1: computed excl_vat is stored as 6.99, its raw body gives"}},
		{"a price with VAT is changed", func(s *provenStore, _ *proven) { s.results[0].Outcome.Computed.Incl = ocpi.MustNumber("6.0001") },
			[]string{"CDR GB*DUN*C-1: computed incl_vat is stored as 6.0001, its raw body gives"}},
		{"a price with VAT is gone", func(s *provenStore, _ *proven) { s.results[0].Outcome.Computed.Incl = ocpi.Number{} },
			[]string{"CDR GB*DUN*C-1: computed incl_vat is stored as unknown, its raw body gives"}},
		{"a part of a price is changed", func(s *provenStore, _ *proven) {
			s.results[0].Outcome.Energy, s.results[0].Outcome.Time = tariff.Money{}, s.results[0].Outcome.Energy
		}, []string{"energy excl_vat is stored as unknown", "energy incl_vat is stored as unknown", "time excl_vat is stored as 5", "time incl_vat is stored as 6"}},
		{"a tariff is changed", func(s *provenStore, _ *proven) { s.results[0].Outcome.TariffHash = "x" }, []string{"CDR GB*DUN*C-1 is stored as priced by tariff x; as of then"}},
		{"a tax is changed", func(s *provenStore, _ *proven) { s.results[0].Outcome.Taxes[0].Amount = ocpi.MustNumber("0.01") },
			[]string{"CDR GB*DUN*C-1: taxes are stored as"}},
		{"a tax is gone", func(s *provenStore, _ *proven) { s.results[0].Outcome.Taxes = nil }, []string{"CDR GB*DUN*C-1: taxes are stored as"}},
		{"another time is measured", func(s *provenStore, _ *proven) { s.results[0].Measures.Duration = ocpi.MustNumber("3601") },
			[]string{"CDR GB*DUN*C-1: total_time in seconds is stored as 3601, its raw body gives"}},
		{"parking is made up", func(s *provenStore, _ *proven) { s.results[0].Measures.Parking = ocpi.MustNumber("60") },
			[]string{"CDR GB*DUN*C-1: total_parking_time in seconds is stored as 60, its raw body gives"}},
		{"a power is gone", func(s *provenStore, _ *proven) { s.results[0].Measures.PeakPower = ocpi.Number{} },
			[]string{"CDR GB*DUN*C-1: peak power in kW is stored as unknown, its raw body gives"}},
		{"the power of a connector is made up", func(s *provenStore, _ *proven) { s.results[0].Outcome.ConnectorPower = ocpi.NewNumber(22000, 3) },
			[]string{`CDR GB*DUN*C-1: the power of its connector in kW is stored as 22, as of then it is ""`}},
		{"a reject measures something else", func(s *provenStore, _ *proven) { s.results[2].Measures.Duration = ocpi.MustNumber("1") },
			[]string{"CDR GB*DUN*C-3: total_time in seconds is stored as 1, its raw body gives"}},
		{"another supply", func(s *provenStore, _ *proven) { s.results[0].Measures.Supply = pricing.DC }, []string{"CDR GB*DUN*C-1 is stored as of connector"}},
		{"another EVSE", func(s *provenStore, _ *proven) { s.results[0].Measures.EVSEID = "X" }, []string{"CDR GB*DUN*C-1 is stored as of connector"}},
		{"another connector", func(s *provenStore, _ *proven) { s.results[0].Measures.ConnectorID = "X" }, []string{"CDR GB*DUN*C-1 is stored as of connector X"}},
		{"another country", func(s *provenStore, _ *proven) { s.results[0].Measures.Country = "NLD" }, []string{"CDR GB*DUN*C-1 is stored as of connector"}},
		{"another charge's hash", func(s *provenStore, _ *proven) { s.results[0].Measures.ChargeHash++ }, []string{"CDR GB*DUN*C-1 is stored as of connector"}},
		{"another connector's hash", func(s *provenStore, _ *proven) { s.results[0].Measures.ConnectorHash++ }, []string{"CDR GB*DUN*C-1 is stored as of connector"}},
		{"a charge is put in the future", func(s *provenStore, _ *proven) {
			s.results[0].Measures.InFuture = !s.results[0].Measures.InFuture
		}, []string{"CDR GB*DUN*C-1 is stored as of connector"}},
		{"a tariff is called doubtful", func(s *provenStore, _ *proven) { s.results[0].Outcome.Doubt = pricing.InDoubt },
			[]string{"CDR GB*DUN*C-1: whether its tariffs are doubtful is stored as yes, it is no"}},
		{"an earlier edition doubted it", func(s *provenStore, _ *proven) {
			s.results[0].Outcome.Doubt, s.results[0].Outcome.EngineVersion = pricing.InDoubt, "0"
		}, nil},
		{"a verdict is changed", func(s *provenStore, _ *proven) { s.results[0].Outcome.Claim = tariff.ClaimDiffers },
			[]string{"CDR GB*DUN*C-1: the claim is stored as differs, priced again it is agrees"}},
		{"a price is made a reject", func(s *provenStore, _ *proven) {
			s.results[0].Outcome.Status, s.results[0].Outcome.Reason = pricing.Rejected, pricing.ReasonDebtorUnknown
		}, []string{`CDR GB*DUN*C-1 is stored as rejected for "debtor_unknown"; priced again from its raw body it is priced`}},
		{"a price is made a credit", func(s *provenStore, _ *proven) { s.results[0].Outcome.Status = pricing.Credited },
			[]string{"CDR GB*DUN*C-1 is stored as credit; priced again from its raw body it is priced"}},
		{"a reject is made a price", func(s *provenStore, _ *proven) { s.results[2].Outcome.Status = pricing.Priced },
			[]string{"CDR GB*DUN*C-3 is stored as priced; priced again from its raw body it is rejected debtor_unknown"}},
		{"a credit is made a CDR", func(s *provenStore, _ *proven) { s.results[4].Credit = false },
			[]string{"results books CDR GB*DUN*K-1 on", "credit_count is 1, CDRs give 2"}},
		{"a result has no status", func(s *provenStore, _ *proven) { s.results[0].Outcome.Status = 0 },
			[]string{"CDR GB*DUN*C-1 is neither priced nor rejected", "CDR GB*DUN*C-1 is stored as ; priced again from its raw body it is priced"}},
		{"its time is another one", func(s *provenStore, _ *proven) { s.results[0].Outcome.AsOf.Control = 0 },
			[]string{"CDR GB*DUN*C-1 is stored as priced; priced again from its raw body it is rejected debtor_unknown"}},

		// relations
		{"a relation is gone", func(s *provenStore, _ *proven) { s.relations = without(s.relations, 1) }, []string{`relations lacks "credit_orphan GB*DUN*K-2`}},
		{"a full credit is forgotten", func(s *provenStore, _ *proven) { s.relations = without(s.relations, 0) }, []string{`relations lacks "credited GB*DUN*C-4`}},
		{"a relation is made up", func(s *provenStore, _ *proven) {
			s.relations = append(s.relations, Relation{Kind: Credited, Key: ocpi.NewKey("GB", "DUN", "c-1"), Other: ocpi.NewKey("GB", "DUN", "k-1")})
		}, []string{`relations holds "credited GB*DUN*C-1 of GB*DUN*K-1", which does not follow from the bodies`}},
		{"a credit is not listed", func(s *provenStore, _ *proven) { s.named = s.named[:1] }, []string{"credits does not list credit GB*DUN*K-2", "which does not follow from the bodies"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newProvenCDRs(t)
			tc.damage(w.store, w)
			r, err := w.verify(t)
			if err != nil {
				t.Fatal(err)
			}
			sees(t, r, tc.want)
		})
	}
}

// sees wants lines with these parts, and no others but further figures of the
// settlement report, which add up what is damaged.
func sees(t *testing.T, r *Report, want []string) {
	t.Helper()
	lines := disagreements(r)
	for _, part := range want {
		i := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, part) })
		if i < 0 {
			t.Errorf("no line says %q", part)
			continue
		}
		lines = without(lines, i)
	}
	lines = slices.DeleteFunc(lines, func(l string) bool { return strings.Contains(l, "settlement report, ") })
	if len(lines) > 0 || r.Proved() != (len(want) == 0) {
		t.Errorf("proved %t, and beside what was wanted:\n%s", r.Proved(), strings.Join(lines, "\n"))
	}
}

// Whatever figure of the settlement report is off, it is seen.
func TestVerifySeesDamageOfTheReport(t *testing.T) {
	one := SumOf(tariff.Money{Excl: ocpi.MustNumber("1"), Incl: ocpi.MustNumber("1")})
	tax := SumOf(tariff.Money{Excl: ocpi.MustNumber("0"), Incl: ocpi.MustNumber("0.000000000001")})
	of := func(emsp string, change func(*SettlementRow)) func([]SettlementRow) []SettlementRow {
		return func(rows []SettlementRow) []SettlementRow {
			for i := range rows {
				if rows[i].EMSP.ID == emsp {
					change(&rows[i])
				}
			}
			return rows
		}
	}
	damage := map[string]func([]SettlementRow) []SettlementRow{
		"cdr_count is 4, CDRs give 3":                   of("EXW", func(r *SettlementRow) { r.CDRCount++ }),
		"credit_count is 3, CDRs give 2":                of("EXW", func(r *SettlementRow) { r.CreditCount++ }),
		"unpriced_count is 1, CDRs give 0":              of("EXW", func(r *SettlementRow) { r.UnpricedCount++ }),
		"credited_count is 2, CDRs give 1":              of("EXW", func(r *SettlementRow) { r.CreditedCount++ }),
		"differs_count is 2, CDRs give 1":               of("EXW", func(r *SettlementRow) { r.DiffersCount++ }),
		"claimed excl_vat is 16, CDRs give 15":          of("EXW", func(r *SettlementRow) { r.Claimed = r.Claimed.Add(one) }),
		"credits excl_vat is -5, CDRs give -6":          of("EXW", func(r *SettlementRow) { r.Credits = r.Credits.Add(one) }),
		"net excl_vat is 10, CDRs give 9":               of("EXW", func(r *SettlementRow) { r.Net = r.Net.Add(one) }),
		"computed excl_vat is 12, CDRs give 11":         of("EXW", func(r *SettlementRow) { r.Computed = r.Computed.Add(one) }),
		"unpriced_claimed excl_vat is 1, CDRs give 0":   of("EXW", func(r *SettlementRow) { r.UnpricedClaimed = r.UnpricedClaimed.Add(one) }),
		"credited_claimed excl_vat is 6, CDRs give 5":   of("EXW", func(r *SettlementRow) { r.CreditedClaimed = r.CreditedClaimed.Add(one) }),
		"computed incl_vat is 13.200000000001":          of("EXW", func(r *SettlementRow) { r.Computed = r.Computed.Add(tax) }),
		"claimed incl_vat is unknown (2 missing)":       of("EXW", func(r *SettlementRow) { r.Claimed.MissingIncl++ }),
		"tax VAT 20% is 2.2000000000001, CDRs give 2.2": of("EXW", func(r *SettlementRow) { r.Tax[0].Amount = r.Tax[0].Amount.Add(decimal.New(1, -13)) }),
		"tax VAT 20% is missing, CDRs give 2.2":         of("EXW", func(r *SettlementRow) { r.Tax = nil }),
		"tax GST 20% is 1, CDRs give 0": of("EXW", func(r *SettlementRow) {
			r.Tax = append(r.Tax, TaxSum{Name: "GST", Percentage: r.Tax[0].Percentage, Amount: decimal.New(1, 0)})
		}),
		"lacks a row: GB*DUN claims from NL*TNM": func(rows []SettlementRow) []SettlementRow { return rows[:1] },
		"a row that no CDR accounts for: GB*DUN claims from NL*NEW": func(rows []SettlementRow) []SettlementRow {
			return append(rows, SettlementRow{CPO: rows[0].CPO, EMSP: ocpi.NewParty("NL", "NEW"), Month: rows[0].Month, Currency: "GBP"})
		},
	}
	for want, change := range damage {
		w := newProvenCDRs(t)
		w.store.report = change
		r, err := w.verify(t)
		if lines := disagreements(r); err != nil || len(lines) == 0 || !strings.Contains(strings.Join(lines, "\n"), want) || len(lines) > 2 {
			t.Errorf("want %q alone, got %v:\n%s", want, err, strings.Join(lines, "\n"))
		}
	}
}

// What the log shows beside the store: it lost its end, was let go of, was put
// back, or its checkpoint says something else.
func TestVerifySeesDamageOfTheLog(t *testing.T) {
	ledger := func(change func(*ingest.Ledger)) func(*proven) {
		return func(w *proven) {
			l := w.log.ledgers[cdrs]
			change(&l)
			w.log.ledgers[cdrs] = l
		}
	}
	const walked = "10 walked, %s; 6 CDRs: 3 priced, 1 rejected, 2 credits, 1 repeats, 1 conflicts, 2 related"
	for _, tc := range []struct {
		name   string
		damage func(w *proven)
		want   []string
		counts string // of what was walked
	}{
		{"the log lost its end", func(w *proven) { w.log.Log = w.log.Prefix(cdrs, 6) },
			[]string{"the store holds records up to offset 8, the log ends at 6", "at offset 6: the store holds a record that the log does not", "at offset 7: the store holds a record that the log does not", "reference/0: the store holds records up to offset 2, the log ends at 0",
				"reference/0 at offset 0: the store holds a record that the log does not", "reference/0 at offset 1: the store holds a record that the log does not"}, ""},
		{"a record of the log is another one", func(w *proven) {
			w.log.Damage(cdrs, func(r []ingest.Record) { r[0].Body = []byte("{}") })
		}, []string{"at offset 0: the store's record of cdr GB*DUN*C-1 differs from the log's"}, ""},
		{"the log has got ahead", func(w *proven) {
			e := cdrEnvelope("c-9")
			if _, err := w.log.Append(t.Context(), ingest.TopicCDRs, &e, []byte(cdrText("c-9", "EXW", "1", "1", ""))); err != nil {
				t.Fatal(err)
			}
		}, nil, "0 by checkpoint, 0 unproven, 1 ahead, 0 doubled"},
		{"the store is an older one", ledger(func(l *ingest.Ledger) { l.Next = 9 }),
			[]string{"the store ends at offset 8, but the log's checkpoint says that everything before 9 was stored"}, ""},
		{"no commit, and all in the log", ledger(func(l *ingest.Ledger) { *l = ingest.Ledger{} }), nil, "0 by checkpoint, 0 unproven, 0 ahead, 0 doubled"},
		{"the commit counts another number", ledger(func(l *ingest.Ledger) { l.Count++ }), []string{"the store holds 8 records from offset 0 to 8, the log's checkpoint counted 9"}, ""},
		{"the commit has another digest", ledger(func(l *ingest.Ledger) { l.Digest[0]++ }), []string{"records before offset 8 are not the ones the log held"}, ""},
		{"the commit has other sums", ledger(func(l *ingest.Ledger) {
			sums := l.Sums["GBP"]
			sums.Records++
			l.Sums["GBP"] = sums
		}), []string{"GBP: the store's records before offset 8 claim"}, ""},
		{"trimmed up to the commit", func(w *proven) { w.log.Trim(cdrs, 8) }, nil, "8 by checkpoint, 0 unproven, 0 ahead, 0 doubled"},
		{"trimmed, and a CDR is damaged", func(w *proven) {
			w.log.Trim(cdrs, 8)
			w.store.records[cdrs][1].Body = append(slices.Clone(w.store.records[cdrs][1].Body), ' ')
		}, []string{"their digest is"}, ""},
		{"let go of while it is walked", func(w *proven) { w.log.onRead = func() { w.log.Trim(cdrs, 4) } }, nil, "4 by checkpoint, 0 unproven, 0 ahead, 0 doubled"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newProvenCDRs(t)
			tc.damage(w)
			r, err := w.verify(t)
			if err != nil {
				t.Fatal(err)
			}
			sees(t, r, tc.want)
			if tc.counts != "" {
				if diff := cmp.Diff(fmt.Sprintf(walked, tc.counts), counts(r)); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// What no checkpoint counts and the log no longer has is unproven: nothing
// disagrees, and yet it is not proved.
func TestVerifyTellsWhatIsUnproven(t *testing.T) {
	for _, tc := range []struct {
		name     string
		damage   func(w *proven)
		unproven int64
	}{
		{"the commit is gone", func(w *proven) { w.log.ledgers[cdrs] = ingest.Ledger{} }, 6},
		{"the commit was made anew", func(w *proven) { w.log.ledgers[cdrs] = ingest.Ledger{From: 8, Next: 8} }, 6},
		{"and a body is another one", func(w *proven) {
			w.log.ledgers[cdrs] = ingest.Ledger{}
			w.store.records[cdrs][1].Sender = "perth"
		}, 6},
		{"let go of while it is walked", func(w *proven) {
			w.log.ledgers[cdrs] = ingest.Ledger{}
			w.log.Trim(cdrs, 0)
			w.log.onRead = func() { w.log.Trim(cdrs, 6) }
		}, 6},
	} {
		w := newProvenCDRs(t)
		w.log.Trim(cdrs, 6)
		tc.damage(w)
		r, err := w.verify(t)
		if err != nil || r.Unproven != tc.unproven || r.Proved() || len(r.Disagreements) > 0 {
			t.Errorf("%s: %v, %d unproven, want %d, proved %t, and\n%s", tc.name, err, r.Unproven, tc.unproven, r.Proved(), strings.Join(disagreements(r), "\n"))
		}
	}
}

// A result that changes under the walk proves nothing: it is walked again, a
// few times.
func TestVerifyWalksAgainWhereResultsMoved(t *testing.T) {
	for _, tc := range []struct {
		name     string
		heals    int // readings of the report after which the result is as it should be
		moves    bool
		proved   bool
		readings int
	}{
		{"healed while it was walked", 2, false, true, 4},
		{"damage stays", 99, false, false, 2},
		{"it moves all the time", 99, true, false, 2 * maxWalks},
	} {
		w := newProvenCDRs(t)
		right := w.store.results[0].Outcome.Computed
		w.store.results[0].Outcome.Computed.Excl = ocpi.MustNumber("1")
		w.store.onReport = func(reading int) {
			switch {
			case reading >= tc.heals:
				w.store.results[0].Outcome.Computed = right
			case tc.moves:
				w.store.results[0].Outcome.Computed.Excl = ocpi.NewNumber(int64(reading)+10, 0)
			}
		}
		r, err := w.verify(t)
		if err != nil || r.Proved() != tc.proved || w.store.readings != tc.readings {
			t.Errorf("%s: %v, proved %t after %d readings of the report, want %t after %d", tc.name, err, r.Proved(), w.store.readings, tc.proved, tc.readings)
		}
	}
}

// What cannot be read is an error, never a finding and never a proof.
func TestVerifyFailsWhereItCannotRead(t *testing.T) {
	for _, method := range []string{
		"Ledger", "Bounds", "Read", "Checkpoint", "Gaps", "RecordsRange", "CopiesRange", "WinnersRange", "ListingsRange", "ObjectsRange", "ObjectListingsRange", "ChangesBefore", "KeptObjects", "ListReads", "LateRange", "IssuerLists", "ResultsRange",
		"SettlementAt", "RelationProgress", "StoredRelations", "CreditsNamed", "SharedSessions", "UnlistedSessions",
	} {
		w := newProvenCDRs(t)
		w.fails = method
		if r, err := w.verify(t); !errors.Is(err, errStore) {
			t.Errorf("%s fails: %v, %+v", method, err, r)
		}
	}
}

// behind knows nobody until the gate was passed.
type behind struct {
	knows
	store  *provenStore
	passed bool
}

func (b *behind) Billable(p ocpi.Party, below int64) bool {
	return b.passed && b.knows.Billable(p, below)
}

// CatchUp lets the store go on: what is walked has been fixed before.
func (b *behind) CatchUp(context.Context) (pricing.AsOf, error) {
	b.passed = true
	b.store.next[cdrs]++
	return now, nil
}

// Beside a running service the last CDRs may rest on what came a moment ago:
// verify fixes what it walks, and then waits until it knows as much.
func TestVerifyKnowsWhatTheLastResultsRestOn(t *testing.T) {
	w := newProvenCDRs(t)
	b := &behind{knows: provenPolicies, store: w.store}
	r, err := (&Verifier{Log: w.log, Store: w.store, Inputs: noInputs{}, Policies: b, Gate: b}).Verify(t.Context())
	if err != nil || !r.Proved() {
		t.Errorf("%v\n%s", err, strings.Join(disagreements(r), "\n"))
	}
}

// A busy service trims the log as fast as it commits, always beyond the ledger
// that was read before the walk: then the walk ends where that ledger does.
func TestVerifyBesideAServiceThatTrims(t *testing.T) {
	w := newProvenCDRs(t)
	var ledger ingest.Ledger
	ledger.Add(ingest.EntryOf(&w.store.records[tokens][0]))
	w.log.ledgers[tokens] = ledger
	w.log.onRead = func() { w.log.Trim(tokens, 2) }
	r, err := w.verify(t)
	if err != nil || !r.Proved() || r.Ahead != 1 {
		t.Errorf("%v, %d unproven, %d ahead; want all but one proved\n%s", err, r.Unproven, r.Ahead, strings.Join(disagreements(r), "\n"))
	}
}

// Relations rest on all that was stored when they were read, so the walk never
// ends before it: the commit is waited for.
func TestAWalkEndsNoEarlierThanRelationsReach(t *testing.T) {
	for _, c := range []struct{ committed, least, want int64 }{{6, 5, 6}, {6, 8, 8}, {0, 0, 8}, {8, 8, 8}} {
		synctest.Test(t, func(t *testing.T) {
			walk := &walker{report: &Report{}, partition: cdrs, next: 8, committed: ingest.Ledger{Next: c.committed}}
			w := newProven()
			w.log.ledgers[cdrs] = walk.committed
			if err := (&Verifier{Log: w.log}).stopAtCommit(t.Context(), walk, c.least); err != nil || walk.next != c.want {
				t.Errorf("committed %d, relations up to %d: walked to %d, %v; want %d", c.committed, c.least, walk.next, err, c.want)
			}
		})
	}
}

// A running service goes on storing: a credit that is walked may have come after
// relations were read, and is listed all the same.
func TestVerifyReadsWhatCreditsNameLast(t *testing.T) {
	w := newProvenCDRs(t)
	named := w.store.named
	w.store.named = nil
	w.store.onCheckpoint = func() { w.store.named = named }
	if r, err := w.verify(t); err != nil || !r.Proved() {
		t.Errorf("%v\n%s", err, strings.Join(disagreements(r), "\n"))
	}
}

// issuersThen says whose contracts are, by one list and no Tokens.
type issuersThen struct {
	noInputs
	list *ocpi.Issuers
}

func (i issuersThen) Payer(contractID string, _ ocpi.Time, _ int64) (ocpi.Party, bool) {
	return i.list.Of(contractID)
}

// Who pays a CDR whose contract id alone says so is proved by the list of issuers that
// was set when it was priced, whatever is set now; of a result from before that was
// kept, the debtor that stands with it counts.
func TestVerifyProvesWhoPaysByTheContract(t *testing.T) {
	exw, tnm := ocpi.NewParty("NL", "EXW"), ocpi.NewParty("NL", "TNM")
	then := ocpi.Issuers{ocpi.NewParty("NL", "8AC"): exw}
	bill := func(s *provenStore, debtor ocpi.Party) { // all of its rows
		s.results[0].Debtor, s.cdrs[0].EMSP, s.listings[1].Party = debtor, debtor, debtor
	}
	for _, tc := range []struct {
		name   string
		damage func(s *provenStore)
		want   []string
	}{
		{"none", func(*provenStore) {}, nil},
		{"it is billed to another", func(s *provenStore) { bill(s, tnm) }, []string{
			"cdrs has CDR GB*DUN*C-1 for NL*TNM in 2019-01", "sender_lists lacks CDR GB*DUN*C-1", "sender_lists has CDR GB*DUN*C-1", "results books CDR GB*DUN*C-1 on",
			"a row that no CDR accounts for: GB*DUN claims from NL*TNM", "lacks a row: GB*DUN claims from NL*EXW"}},
		{"the list is gone", func(s *provenStore) { s.issuers = nil }, []string{"CDR GB*DUN*C-1 rests on the list of issuers " + then.Digest() + ", which the store does not hold"}},
		{"it names another list", func(s *provenStore) { s.results[0].Outcome.AsOf.Issuers = ocpi.Issuers{}.Digest() }, []string{
			"cdrs has CDR GB*DUN*C-1 for NL*EXW in 2019-01", "sender_lists lacks CDR GB*DUN*C-1", "sender_lists has CDR GB*DUN*C-1", "results books CDR GB*DUN*C-1 on", "is stored as priced; priced again from its raw body it is rejected debtor_unknown",
			"a row that no CDR accounts for: GB*DUN claims from NL*EXW", "lacks a row: GB*DUN claims from NL*8AC"}},
		{"the list was not kept", func(s *provenStore) { s.results[0].Outcome.AsOf.Issuers = "" }, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newProven()
			list := then
			w.inputs, w.at = issuersThen{list: &list}, pricing.AsOf{Reference: 1, Control: 5, Issuers: then.Digest()}
			w.store.issuers = map[string]ocpi.Issuers{then.Digest(): then, ocpi.Issuers{}.Digest(): {}}
			e := cdrEnvelope("c-1")
			w.stored(t, cdrs, &e, strings.NewReplacer(`"country_code":"NL","party_id":"EXW",`, "", `"contract_id":"C"`, `"contract_id":"NL-8AC-C00000001"`).Replace(cdrText("c-1", "EXW", "0.25", `5,"incl_vat":6`, "")))
			if got := w.store.results[0].Debtor; got != exw {
				t.Fatalf("billed to %s", got)
			}
			list = ocpi.Issuers{ocpi.NewParty("NL", "8AC"): tnm} // was changed since
			tc.damage(w.store)
			r, err := w.verify(t)
			if err != nil {
				t.Fatal(err)
			}
			sees(t, r, tc.want)
		})
	}
}
