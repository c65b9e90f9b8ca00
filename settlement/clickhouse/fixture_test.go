package clickhouse

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
)

// cdrsOf returns a partition of the topic of CDRs.
func cdrsOf(number int32) ingest.Partition {
	return ingest.Partition{Topic: ingest.TopicCDRs, Epoch: 1, Number: number}
}

// received is when the first record of a fixture came in; each one after it
// came a second later.
var received = time.Date(2019, 6, 1, 12, 0, 0, 123456789, time.UTC)

// batchOf reads a batch of CDRs from lines a finance person can follow:
//
//	CPO     eMSP    id  end         cur  claimed      outcome                  tax
//	GB*DUN  NL*EXW  c1  2019-01-15  GBP  10.00/12.00  priced 10.00/12.00       VAT:20=2.00
//	GB*DUN  NL*EXW  c2  2019-01-16  GBP  5.00/-       rejected unknown_tariff  -
//	GB*DUN  NL*EXW  k1  2019-01-17  GBP  -1.00/-1.20  credit c1                -
//
// Amounts are excl/incl VAT, "-" is not known. A line that ends in "#x" is
// another content of the same id.
func batchOf(tb testing.TB, partition int32, first int64, lines string) *pricing.Batch {
	tb.Helper()
	b := &pricing.Batch{Partition: cdrsOf(partition)}
	for line := range strings.Lines(lines) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		line, content, _ := strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) != 9 {
			tb.Fatalf("line %q has %d fields", line, len(f))
		}
		p := b.Partition.At(first + int64(len(b.Rows)))
		b.Rows = append(b.Rows, rowOf(tb, p, f, content))
	}
	b.Next = first + int64(len(b.Rows))
	return b
}

func rowOf(tb testing.TB, p ingest.Position, f []string, content string) pricing.Row {
	cpo, okCPO := ocpi.ParseParty(f[0])
	emsp, okEMSP := ocpi.ParseParty(f[1])
	end, err := time.Parse("2006-01-02", f[3])
	if !okCPO || (!okEMSP && f[1] != "-") || err != nil {
		tb.Fatalf("line %v: %v", f, err)
	}
	body := fmt.Appendf(nil, `{"id":%q,"content":%q}`, f[2], content)
	r := pricing.Row{
		Record: ingest.Record{Position: p, Body: body, Envelope: ingest.Envelope{
			Object: ingest.ObjectCDR, Method: ingest.MethodPost, Version: ocpi.V221, Sender: "partner-" + cpo.ID,
			Key:      ocpi.Key{Party: cpo, ID: ocpi.Fold(f[2])},
			Received: ocpi.TimeOf(received.Add(time.Duration(p.Offset) * time.Second)),
			Hash:     sha256.Sum256(body),
		}},
		Creditor: cpo, Debtor: emsp, ID: f[2], Currency: f[4],
		Start: ocpi.TimeOf(end.Add(11 * time.Hour)), End: ocpi.TimeOf(end.Add(12 * time.Hour)), LastUpdated: ocpi.TimeOf(end.Add(13 * time.Hour)),
		SessionID: "S-" + f[2], LocationID: "LOC1", EVSEUID: "E1", TokenUID: "T1", ContractID: "NL-EXW-1",
		EnergyKWh: ocpi.MustNumber("12.345"),
		Measures: pricing.Measures{
			Duration: ocpi.MustNumber("3600"), PeakPower: ocpi.NewNumber(12345, 3), Supply: pricing.DC, EVSEID: "GB*DUN*E1", ConnectorID: "1", Country: "GBR",
			ChargeHash: uint64(p.Offset) + 1, ConnectorHash: 1<<63 + 7, InFuture: end.After(received),
		},
	}
	o := &r.Outcome
	o.Claimed = amountsIn(f[5])
	o.TariffIDs, o.TimeZone, o.ZoneSource, o.ZoneDB, o.Profile, o.EngineVersion = "TAR1", "Europe/London", "cdr", "2026a", "default", "1"
	o.TariffHash, o.TariffSource, o.Doubt = strings.Repeat("ab", 32), "cdr", pricing.NoDoubt
	o.ConnectorPower = ocpi.NewNumber(50_123, 3)
	switch f[6] {
	case "priced":
		o.Status, o.Claim = pricing.Priced, tariff.ClaimAgrees
		o.Computed = amountsIn(f[7])
		o.Energy = o.Computed
		o.Explanation = []byte(`{"lines":[]}`)
		if o.Claimed.Excl.Cmp(o.Computed.Excl) != 0 {
			o.Claim = tariff.ClaimDiffers
		}
	case "rejected":
		o.Status, o.Reason, o.Detail = pricing.Rejected, f[7], "why "+f[2]+" cannot be priced"
		o.Findings = []ocpi.Finding{{Code: f[7], Severity: ocpi.Serious, Path: "tariffs"}}
	case "credit":
		o.Status, r.Credit, r.CreditReferenceID = pricing.Credited, true, ocpi.Fold(f[7])
	default:
		tb.Fatalf("outcome %q", f[6])
	}
	if f[8] != "-" {
		for part := range strings.SplitSeq(f[8], ",") {
			name, rest, _ := strings.Cut(part, ":")
			percentage, amount, _ := strings.Cut(rest, "=")
			o.Taxes = append(o.Taxes, tariff.Tax{Name: name, Percentage: numberIn(percentage), Amount: numberIn(amount)})
		}
	}
	return r
}

func amountsIn(s string) tariff.Money {
	a, b, _ := strings.Cut(s, "/")
	return tariff.Money{Excl: numberIn(a), Incl: numberIn(b)}
}

func numberIn(s string) ocpi.Number {
	if s == "-" {
		return ocpi.Number{}
	}
	return ocpi.MustNumber(s)
}

// write stores batches and fails the test when one cannot be stored.
func write(tb testing.TB, s *Store, batches ...*pricing.Batch) {
	tb.Helper()
	for _, b := range batches {
		if err := s.WriteCDRs(tb.Context(), b); err != nil {
			tb.Fatal(err)
		}
	}
}

// cut returns the batch cut into batches of at most n records.
func cut(b *pricing.Batch, n int) []*pricing.Batch {
	var out []*pricing.Batch
	for i := 0; i < len(b.Rows); i += n {
		part := *b
		part.Rows = b.Rows[i:min(i+n, len(b.Rows))]
		part.Next = part.Rows[len(part.Rows)-1].Record.Offset + 1
		out = append(out, &part)
	}
	return out
}

// rowsText renders settlement rows as the fixtures above are written.
func rowsText(rows []settlement.SettlementRow) string {
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "%s %s %s %s: %d CDRs, %d credits\n", r.Month, r.CPO, r.EMSP, r.Currency, r.CDRCount, r.CreditCount)
		fmt.Fprintf(&b, "  claimed  %s\n  credits  %s\n  net      %s\n  computed %s\n", sumText(r.Claimed), sumText(r.Credits), sumText(r.Net), sumText(r.Computed))
		fmt.Fprintf(&b, "  unpriced %s in %d CDRs; %d claims differ\n", sumText(r.UnpricedClaimed), r.UnpricedCount, r.DiffersCount)
		if r.CreditedCount > 0 {
			fmt.Fprintf(&b, "  credited %s in %d CDRs; difference %s\n", sumText(r.CreditedClaimed), r.CreditedCount, sumText(r.Difference()))
		}
		for _, t := range r.Tax {
			rate := "no rate"
			if t.Percentage != nil {
				rate = t.Percentage.String() + "%"
			}
			fmt.Fprintf(&b, "  tax      %s %s: %s\n", t.Name, rate, t.Amount)
		}
	}
	return b.String()
}

func sumText(s settlement.Sum) string {
	if s.Incl() == nil {
		return fmt.Sprintf("%s/- (%d missing)", s.Excl, s.MissingIncl)
	}
	return fmt.Sprintf("%s/%s", s.Excl, s.Incl())
}

func settle(tb testing.TB, s *Store, q settlement.SettlementQuery) string {
	tb.Helper()
	rows, err := s.Settlement(tb.Context(), q)
	if err != nil {
		tb.Fatal(err)
	}
	return rowsText(rows)
}
