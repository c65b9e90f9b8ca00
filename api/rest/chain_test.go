package rest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/shopspring/decimal"
)

// chained is CDRs of one pair and currency.
type chained struct {
	shelf
	charges []*statement.Charge
}

func (c chained) Draw(_ context.Context, _ statement.Query, fn func(*statement.Draft) error) error {
	draft := &statement.Draft{Statement: statement.Statement{CPO: ocpi.NewParty("NL", "TNM"), EMSP: ocpi.NewParty("JP", "YEN"), Currency: "EUR"}}
	draft.Settled = statement.Settle(c.charges, 201909)
	return fn(draft)
}

func (c chained) Waiting(ctx context.Context, q statement.Query, fn func(*statement.Draft) error) (statement.AsOf, error) {
	return statement.AsOf{}, c.Draw(ctx, q, fn)
}

func (chained) LinesOf(context.Context, ocpi.Key) ([]rest.TracedLine, int, error) { return nil, 0, nil }

func (chained) DecisionsOf(context.Context, ocpi.Key) ([]statement.Decided, error) { return nil, nil }

func (chained) CopiesOf(context.Context, ocpi.Key) (*settlement.Copies, error) { return nil, nil }

// chainCDR reads "R1 S1 10 day 1" and "K1 S1 -10 day 2 of R1": id, Session, claim, day of last_updated.
func chainCDR(t *testing.T, said string) *statement.Charge {
	t.Helper()
	f := strings.Fields(said)
	c := charge(f[0], "JP*YEN", "EUR", 201908, f[2], f[2])
	c.Booked.SessionID = strings.Trim(f[1], "-")
	updated, _, err := ocpi.ParseTime("2019-08-0" + f[4] + "T10:00:00Z")
	if err != nil {
		t.Fatal(err)
	}
	c.LastUpdated = updated
	if len(f) > 6 {
		c.Credit, c.CreditOf, c.Computed = true, ocpi.NewKey("NL", "TNM", f[6]), nil
		c.Booked.Credit = true
	}
	return c
}

// Whichever CDR of a chain is asked, and in whatever order they came, the chain and its sum
// are the same.
func TestChain(t *testing.T) {
	for _, tc := range []struct {
		name string
		cdrs string
		want string // of each of them: chain and sum
		not  string // CDRs that are of another chain, by id
	}{
		{"credited and billed again", "R1 S1 10 day 1, K1 S1 -10 day 2 of R1, R2 S1 9.5 day 3",
			"original R1 10, credit K1 -10, replacement R2 9.5: 9.5", ""},
		{"the replacement is named before the original", "Z1 S1 10 day 1, K1 S1 -10 day 2 of Z1, A2 S1 9.5 day 3",
			"original Z1 10, credit K1 -10, replacement A2 9.5: 9.5", ""},
		{"all of one time: what is credited was first", "Z1 S1 10 day 1, K1 S1 -10 day 1 of Z1, A2 S1 9.5 day 1",
			"original Z1 10, credit K1 -10, replacement A2 9.5: 9.5", ""},
		{"the replacement is credited and billed again, too", "R1 S1 10 day 1, K1 S1 -10 day 2 of R1, R2 S1 9.5 day 3, K2 S1 -9.5 day 4 of R2, R3 S1 9 day 5",
			"original R1 10, credit K1 -10, replacement R2 9.5, credit K2 -9.5, replacement R3 9: 9", ""},
		{"credits without the Session", "R1 S1 10 day 1, K1 - -4 day 2 of R1, K2 - -6 day 3 of R1, R2 S1 9.5 day 4",
			"original R1 10, credit K1 -4, credit K2 -6, replacement R2 9.5: 9.5", ""},
		{"another Session is another charge", "R1 S1 10 day 1, K1 S1 -10 day 2 of R1, R2 S2 9.5 day 3",
			"original R1 10, credit K1 -10: 0", "R2"},
		{"without a Session only the credits tell", "R1 - 10 day 1, K1 - -10 day 2 of R1, R2 - 9.5 day 3",
			"original R1 10, credit K1 -10: 0", "R2"},
		{"what is credited is not here", "K1 S1 -10 day 2 of X1, K2 S1 -1 day 3 of X1", "credit K1 0, credit K2 0: 0", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var charges []*statement.Charge
			for said := range strings.SplitSeq(tc.cdrs, ", ") {
				charges = append(charges, chainCDR(t, said))
			}
			for range 2 {
				slices.Reverse(charges)
				for _, c := range charges {
					if strings.Contains(tc.not, c.Key.ID) {
						continue
					}
					got, err := rest.ReadCleared(t.Context(), chained{charges: charges}, chained{}, rest.Key{}, c.Key)
					if err != nil {
						t.Fatal(err)
					}
					var links []string
					for _, l := range got.Chain {
						links = append(links, l.Role+" "+strings.TrimPrefix(l.CDR, "NL*TNM*")+" "+shortest(l.Owed))
					}
					sum := "none"
					if got.ChainOwed != nil {
						sum = shortest(*got.ChainOwed)
					}
					if chain := strings.Join(links, ", ") + ": " + sum; chain != tc.want {
						t.Errorf("asked of %s:\n got %s\nwant %s", c.Key.ID, chain, tc.want)
					}
				}
			}
		})
	}
}

func shortest(amount string) string { return decimal.RequireFromString(amount).String() }

// A credit with the sign of what it credits takes off, wherever it is shown.
func TestCreditWithThePositiveSign(t *testing.T) {
	c := chained{charges: []*statement.Charge{chainCDR(t, "V1 - 10 day 1"), chainCDR(t, "KV - 10 day 2 of V1"), chainCDR(t, "KW - 10 day 2 of V1X")}}
	for _, tc := range []struct{ id, claimed, owed, chain, notes string }{
		{"V1", "10", "10", "original 10, credit -10", ""},
		{"KV", "-10", "-10", "original 10, credit -10", "It claims 10 with the sign of what it credits: it is read as taking that off."},
		{"KW", "-10", "0", "", "It claims 10 with the sign of what it credits: it is read as taking that off. It credits NL*TNM*V1X, which is not here."},
	} {
		got, err := rest.ReadCleared(t.Context(), c, c, rest.Key{}, ocpi.NewKey("NL", "TNM", tc.id))
		if err != nil {
			t.Fatal(err)
		}
		var links, notes []string
		for _, l := range got.Chain {
			links = append(links, l.Role+" "+shortest(l.Claim))
		}
		for _, g := range got.Grounds {
			notes = append(notes, *g.Sentence)
		}
		if claimed, owed := shortest(*got.Claimed), shortest(got.Owed); claimed != tc.claimed || owed != tc.owed || strings.Join(links, ", ") != tc.chain || strings.Join(notes, " ") != tc.notes {
			t.Errorf("%s claims %s, owed %s, chain %v, notes %v; want %+v", tc.id, claimed, owed, links, notes, tc)
		}
	}
	w := httptest.NewRecorder()
	queueSite(t, c).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/queue/cdrs", nil))
	if !strings.Contains(w.Body.String(), `"claimed":"-10.00"`) {
		t.Errorf("the queue has %s", w.Body)
	}
}
