package statement_test

import (
	"fmt"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/roamclear/roamclear/settlement/statement/statementtest"
)

// explained says why a statement of DE*EMP differs in CDRs: "C1 here" has a line here
// alone, "C1 7" one of 7 there alone, "C1 here 7" one on both sides.
func explained(t *testing.T, h *statementtest.House, period ocpi.Month, closing *clearing.Closing, list ...string) string {
	t.Helper()
	var asked []statement.Unlike
	for _, one := range list {
		words := strings.Fields(one)
		u := statement.Unlike{Key: ocpi.NewKey("NL", "TNM", words[0])}
		for _, word := range words[1:] {
			if word == "here" {
				u.Ours = true
				continue
			}
			theirs := dec(word)
			u.Theirs = &theirs
		}
		asked = append(asked, u)
	}
	e := statement.Explainer{Books: h.Books, Lookups: h.Books, Agreed: h.Agreed, Control: h.Next, Below: h.Ends(), Closing: closing}
	got, err := e.Explain(t.Context(), statement.Query{CPO: ocpi.NewParty("NL", "TNM"), EMSP: ocpi.NewParty("DE", "EMP"), Period: period, Currency: "EUR"}, asked)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for i, one := range got {
		for _, r := range one.Reasons {
			lines = append(lines, fmt.Sprintf("%s: %s: %s", list[i], r.Code, r.Text))
		}
	}
	return strings.Join(lines, "\n")
}

func priced(c settlement.BookedCDR, computed string) settlement.BookedCDR {
	c.Status, c.Computed = pricing.Priced, tariff.Money{Excl: ocpi.MustNumber(computed)}
	return c
}

func TestWhyStatementsDiffer(t *testing.T) {
	const june = "2019-06-05T11:00:00Z"
	h := house(
		booked("cdr", "C1", "ends", june, "claims", "7"), booked("cdr", "FR", "ends", june, "claims", "7", "emsp", "FR*OTH"),
		booked("cdr", "SEK", "ends", june, "claims", "70", "currency", "SEK"), booked("cdr", "NOBODY", "ends", june, "claims", "7", "emsp", ""),
		booked("cdr", "K1", "ends", june, "claims", "-7", "credits", "NONE"), booked("cdr", "HELD", "ends", june, "claims", "7"),
		booked("cdr", "NOT", "ends", june, "claims", "7"), booked("cdr", "YES", "ends", june, "claims", "8"), booked("cdr", "JULY", "ends", "2019-07-05T11:00:00Z", "claims", "5"),
		booked("cdr", "MAY", "ends", "2019-05-05T11:00:00Z", "claims", "5"), priced(booked("cdr", "DIFF", "ends", june, "claims", "7"), "6.5"),
		booked("cdr", "TWICE", "ends", june, "claims", "7"), booked("cdr", "ODD", "ends", june, "claims", "7"),
	)
	for i := range h.Books.CDRs {
		h.Books.CDRs[i].Received = instant("2019-06-05T12:05:00Z")
	}
	cdrOf(h, "NOBODY").Reason = "debtor_unknown"
	cdrOf(h, "ODD").Status = pricing.Rejected
	h.Books.Lookups = []settlement.Lookup{{Key: ocpi.NewKey("NL", "TNM", "DIFF"), TariffIDs: "T1"}}
	twice := ocpi.NewKey("NL", "TNM", "TWICE")
	h.Books.Copies = map[ocpi.Key][]settlement.Copy{twice: {{Position: ingest.Position{Offset: 11}}, {Position: ingest.Position{Offset: 20}}, {Position: ingest.Position{Offset: 21}, Conflict: true}}}
	for id, act := range map[string]clearing.Act{"HELD": clearing.HoldIt, "NOT": clearing.RejectIt, "YES": clearing.Accept} {
		h.Decide(ocpi.NewKey("NL", "TNM", id), &clearing.Decision{Act: act})
	}
	for i := range h.Books.Decisions {
		h.Books.Decisions[i].Offset, h.Books.Decisions[i].At = 0, instant("2019-07-01T09:00:00Z")
	}
	asked := []string{"NONE 7", "FR 7", "SEK 7", "NOBODY 7", "K1 -7", "HELD 7", "NOT 7", "YES here", "JULY 5", "MAY 5", "DIFF here 6.5", "DIFF here 9", "C1 here 7.5", "TWICE here 8", "C1 here", "ODD here 1"}
	want := `NONE 7: not_received: no CDR of this id has come here
FR 7: other_debtor: here FR*OTH owes it
SEK 7: other_currency: here it is in SEK
NOBODY 7: other_debtor: nobody is known to pay it (debtor_unknown)
K1 -7: held: it is held here, by credit_orphan: It credits NL*TNM*NONE, which is not here.
HELD 7: held: it is held here, as finance decided on 2019-07-01 09:00 UTC (control record 0): because
NOT 7: rejected: it is rejected here, as finance decided on 2019-07-01 09:00 UTC (control record 0): because
YES here: decided: it is accepted here, as finance decided on 2019-07-01 09:00 UTC (control record 0): because
YES here: only_here: it came here on 2019-06-05 12:05 UTC; whether they have it is not known here
JULY 5: later: it comes to 2019-07 here: it belongs to 2019-07
MAY 5: before: it belongs to 2019-05, before settlement began here
DIFF here 6.5: computed: theirs is what is computed here
DIFF here 6.5: priced: it claims 7, and comes to 6.5 here by tariff T1
DIFF here 9: priced: it claims 7, and comes to 6.5 here by tariff T1
C1 here 7.5: priced: it claims 7, and comes to 7 here by no tariff
TWICE here 8: other_copy: copies with another content came too: record 0-0-11 counts, not 0-0-21
TWICE here 8: priced: it claims 7, and comes to 7 here by no tariff
C1 here: only_here: it came here on 2019-06-05 12:05 UTC; whether they have it is not known here
ODD here 1: not_known: nothing that is known here says why`
	if diff := gocmp.Diff(want, explained(t, h, 201906, nil, asked...)); diff != "" {
		t.Error(diff)
	}

	r := closeOf(h, 201906)
	r.Carry = true
	result, err := h.Closer().Close(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	closing := *result.Closing
	closing.At = instant("2019-07-02T08:00:00Z")
	late := booked("cdr", "LATE", "ends", june, "claims", "3")
	late.Position.Offset, late.Version, late.Received = int64(len(h.Books.CDRs)), 99, instant("2019-07-03T08:00:00Z")
	h.Books.CDRs = append(h.Books.CDRs, late)
	c := cdrOf(h, "C1")
	c.Claimed.Excl, c.Version, c.AsOf = ocpi.MustNumber("9"), 98, pricing.AsOf{Control: closing.Control + 1}
	h.Decide(ocpi.NewKey("NL", "TNM", "NOT"), nil) // since: the statement has it as it was
	h.Books.Decisions[len(h.Books.Decisions)-1].At = instant("2019-07-04T09:00:00Z")
	h.Adopt(twice, func(c *settlement.BookedCDR) {
		c.Claimed.Excl, c.AsOf = ocpi.MustNumber("8"), pricing.AsOf{Control: closing.Control + 3}
	})
	adopted := &h.Books.Decisions[len(h.Books.Decisions)-1]
	adopted.At = instant("2019-07-05T09:00:00Z")
	h.Books.Copies[twice] = []settlement.Copy{{Position: *adopted.Adopted}, {Position: ingest.Position{Offset: 11}, Conflict: true}}
	want = `LATE 3: after_close: it came on 2019-07-03 08:00 UTC, after 2019-06 was closed (2019-07-02 08:00 UTC, control record 3)
HELD 7: held: it is held here, as finance decided on 2019-07-01 09:00 UTC (control record 0): because
NOT 7: rejected: it is rejected here, as finance decided on 2019-07-01 09:00 UTC (control record 0): because
NOT 7: decided: it was decided on since (undo): finance decided on 2019-07-04 09:00 UTC (control record 4): because
C1 here 9: priced_again: it was priced again after 2019-06 was closed (2019-07-02 08:00 UTC)
C1 here 9: claimed: theirs is what the CDR claims
C1 here 9: priced: it claims 9, and comes to 7 here by no tariff
TWICE here 8: priced_again: it was priced again after 2019-06 was closed (2019-07-02 08:00 UTC)
TWICE here 8: other_copy: copies with another content came too: record 0-0-14 counts as finance decided on 2019-07-05 09:00 UTC (control record 5): because, not 0-0-11
TWICE here 8: claimed: theirs is what the CDR claims
TWICE here 8: priced: it claims 8, and comes to 7 here by no tariff
NONE 7: not_received: no CDR of this id has come here`
	if diff := gocmp.Diff(want, explained(t, h, 201906, &closing, "LATE 3", "HELD 7", "NOT 7", "C1 here 9", "TWICE here 8", "NONE 7")); diff != "" {
		t.Error(diff)
	}
	// A statement of another period has what was issued before.
	want = `YES 8: issued_in: the statement to DE*EMP for 2019-06 in EUR has 8 of it`
	if diff := gocmp.Diff(want, explained(t, h, 201907, nil, "YES 8")); diff != "" {
		t.Error(diff)
	}
	if diff := gocmp.Diff("MAY 5: before: what is through 2019-05 is settled elsewhere: settlement begins here after it", explained(t, house(h.Books.CDRs...), 201905, nil, "MAY 5")); diff != "" {
		t.Error(diff)
	}
	e := statement.Explainer{Books: h.Books, Lookups: h.Books, Agreed: h.Agreed}
	if _, err := e.Explain(t.Context(), statement.Query{}, make([]statement.Unlike, statement.MaxExplained+1)); err == nil {
		t.Error("more than can be explained at once")
	}
}
