package rest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
)

// deciding takes decisions about a shelf.
type deciding struct {
	shelf
	last    clearing.NewDecision
	copies  *settlement.Copies // of whichever CDR
	pending []ocpi.Key
}

func (d *deciding) Decide(ctx context.Context, _ string, q statement.Query, stand func(rest.Copies) error, drawn func(*statement.Draft) error, made func() (clearing.NewDecision, error)) (rest.Recorded, error) {
	copies := rest.Copies{Pending: d.pending}
	if q.Key.ID != "" {
		copies = rest.Copies{Of: d.copies}
	}
	err := stand(copies)
	if err == nil {
		err = d.Draw(ctx, q, drawn)
	}
	if q.Key.ID == "X" {
		err = settlement.ErrNotFound
	}
	if err == nil {
		d.last, err = made()
	}
	return rest.Recorded{Record: 7}, err
}

func TestDecisions(t *testing.T) {
	logger := slog.New(slog.DiscardHandler)
	d := &deciding{shelf: queueWorld()}
	for i, c := range d.shelf {
		c.Booked.Position.Offset, c.Booked.Version = int64(i), uint64(100+i)
		if c.Key.ID == "C6" {
			c.Issued = &clearing.Issued{Period: 201905, Amount: *c.Claimed}
		}
	}
	e := api.NewEngine(logger, rest.Fallback("", logger))
	e.POST("/decisions", func(c *gin.Context) {
		k := rest.Key{ID: "k1"}
		k.Party, _ = ocpi.ParseParty(c.GetHeader("Authorization"))
		if err := rest.Decide(c, d, k, k.ID); err != nil {
			rest.Fail(c, logger, err)
		}
	})
	ask := func(key, body string) (*httptest.ResponseRecorder, rest.DecisionAnswer) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/decisions", strings.NewReader(body))
		r.Header.Set("Authorization", key)
		r.Header.Set("X-Request-Id", "1")
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		var a rest.DecisionAnswer
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		return w, a
	}
	var got strings.Builder
	say := func(key, body string) {
		w, _ := ask(key, body)
		said := ""
		if w.Code == http.StatusCreated {
			said = fmt.Sprintf("%+v\n", d.last.Groups)
		}
		fmt.Fprintf(&got, "%s as %s\n%d %s%s\n", body, key, w.Code, w.Body, said)
	}
	hash := regexp.MustCompile(`[0-9a-f]{64}/[^\"\s]+`)
	w, _ := ask("all", `{"act":"accept","reason":"R","ground":"difference","currency":"EUR","period":"2019-06"}`)
	digest := hash.FindString(w.Body.String())
	for _, body := range []string{
		`{"act":"accept","reason":"R","ground":"difference","currency":"EUR","period":"2019-06"}`,
		`{"act":"accept","reason":"R","ground":"difference","currency":"EUR","period":"2019-06","expect_digest":"` + digest + `"}`,
		`{"act":"accept","reason":"R","ground":"difference","currency":"EUR","period":"2019-07","expect_digest":"` + digest + `"}`,
		`{"act":"accept","reason":"R","ground":"difference","period":"2019-06","expect_digest":"` + digest + `"}`,
		`{"act":"accept","reason":"R","ground":"age","currency":"EUR","period":"2019-06","expect_digest":"` + digest + `"}`,
		`{"act":"accept","reason":"R","ground":"difference","currency":"EUR","period":"2019-06","expect_digest":"` + strings.Repeat("0", 64) + digest[64:] + `"}`,
		`{"act":"accept","reason":"R","ground":"difference","currency":"EUR","period":"2019-06","expect_digest":"no"}`,
		`{"act":"accept","reason":"R","ground":"unknown_debtor"}`, `{"act":"accept","reason":"R","cdr":"NL*TNM*N1"}`, `{"act":"reject","reason":"R","cdr":"NL*TNM*N1"}`,
		`{"act":"hold","reason":"R","ground":"foreign_evse"}`, `{"act":"hold","reason":"R","cdr":"NL*TNM*C6"}`, `{"act":"reject","reason":"R","cdr":"nl*tnm*c6"}`,
		`{"act":"undo","reason":"R","ground":"decision"}`, `{"act":"reject","reason":"R","ground":"decision"}`, `{"act":"accept","reason":"R","cdr":"NL*TNM*C3","at":"claimed"}`,
		`{"act":"adopt","reason":"R","cdr":"NL*TNM*C3"}`, `{"act":"accept","reason":" ","cdr":"NL*TNM*C3"}`, `{"act":"accept","reason":"R","cdr":"NL*TNM*C3","ground":"age"}`,
		`{"act":"accept","reason":"R","cdr":"C3"}`, `{"act":"accept","reason":"R"}`, `{"act":"accept","reason":"R","ground":"beauty"}`, `{"act":"accept","reason":"R","ground":"age","period":"June"}`, `{"act":"accept","reason":"R","cdr":"NL*TNM*X"}`,
	} {
		say("all", body)
	}
	say("FR*OTH", `{"act":"accept","reason":"R","cdr":"NL*TNM*C3"}`)
	say("FR*OTH", `{"act":"accept","reason":"R","ground":"age"}`)
	_, a := ask("all", `{"act":"hold","reason":"R","cdr":"NL*TNM*C3"}`)
	say("all", `{"act":"hold","reason":"R","cdr":"NL*TNM*C3","expect_digest":"`+a.Digest+`"}`)
	c3 := d.shelf[slices.IndexFunc(d.shelf, func(c *statement.Charge) bool { return c.Key.ID == "C3" })]
	c3.Grounds = append(c3.Grounds, clearing.Ground{Code: "energy", Effect: clearing.Hold})
	say("all", `{"act":"hold","reason":"R","cdr":"NL*TNM*C3","expect_digest":"`+a.Digest+`"}`)
	c3.Claimed = &clearing.Amount{Net: c3.Claimed.Net.Add(c3.Claimed.Net)}
	say("all", `{"act":"hold","reason":"R","cdr":"NL*TNM*C3","expect_digest":"`+a.Digest+`"}`)
	golden(t, "testdata/decide.txt", got.String())
}

// The digest of a row of the queue is that of the decision about it.
func TestQueueHasTheDigestOfADecision(t *testing.T) {
	d := &deciding{shelf: queueWorld()}
	site := queueSite(t, d)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/queue?ground=age", nil)
	w := httptest.NewRecorder()
	site.ServeHTTP(w, r)
	var q rest.Queue
	if err := json.Unmarshal(w.Body.Bytes(), &q); err != nil || len(q.Groups) != 1 {
		t.Fatalf("%v: %s", err, w.Body)
	}
	w = httptest.NewRecorder()
	c, _ := gin.CreateTestContext(w)
	body := `{"act":"reject","reason":"R","ground":"age","cpo":"NL*TNM","emsp":"DE*EMP","currency":"EUR","expect_digest":"` + q.Groups[0].Digest + `"}`
	c.Request = httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/decisions", strings.NewReader(body))
	if err := rest.Decide(c, d, rest.Key{}, clearing.ByLocal); err != nil || w.Code != http.StatusCreated {
		t.Errorf("%v, HTTP %d: %s", err, w.Code, w.Body)
	}
}

// A credit takes off what remains of its original, whoever accepts it, until that is said of
// one of which nothing takes effect; nothing is computed of a credit.
func TestAcceptOfACredit(t *testing.T) {
	for _, tc := range []struct {
		name   string
		cdrs   string // of one original E1, see chainCDR
		body   string // of the decision about the last one
		before string // what each comes to
		want   string // then, or why it is refused
	}{
		{"more than its original: what remains", "E1 - 10 day 1, KE1 - -15 day 2 of E1", `"act":"accept"`, "E1 10, KE1 -10", "E1 10, KE1 -10"},
		{"as claimed: the same", "E1 - 10 day 1, KE1 - -15 day 2 of E1", `"act":"accept","at":"claimed"`, "E1 10, KE1 -10", "E1 10, KE1 -10"},
		{"nothing is computed of a credit", "E1 - 10 day 1, KE1 - -15 day 2 of E1", `"act":"accept","at":"computed"`, "E1 10, KE1 -10",
			"409 NL*TNM*KE1 is a credit, and nothing is computed of a credit: accept it without at, or as claimed"},
		{"beside another one: what that leaves", "E1 - 10 day 1, K1 - -6 day 2 of E1, K2 - -6 day 3 of E1", `"act":"accept"`, "E1 10, K1 -6, K2 -4", "E1 10, K1 -6, K2 -4"},
		{"nothing takes effect: accepted as it says", "E1 - 10 day 1, K1 - -10 day 2 of E1, K2 - -6 day 3 of E1", `"act":"accept"`, "E1 10, K1 -10, K2 held", "E1 10, K1 -10, K2 -6"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := chained{}
			for said := range strings.SplitSeq(tc.cdrs, ", ") {
				c.charges = append(c.charges, chainCDR(t, said))
			}
			if got := c.comes(t); got != tc.before {
				t.Errorf("before: %s, want %s", got, tc.before)
			}
			last := c.charges[len(c.charges)-1]
			var r rest.DecisionRequest
			if err := json.Unmarshal([]byte(`{"cdr":"`+last.Key.String()+`","reason":"R",`+tc.body+`}`), &r); err != nil {
				t.Fatal(err)
			}
			d := &decidingChain{chained: c}
			_, err := r.Decide(t.Context(), d, "", rest.Key{}, clearing.ByLocal)
			if refused, ok := errors.AsType[*rest.Error](err); ok {
				if got := fmt.Sprint(refused.Status, " ", refused.Message); got != tc.want {
					t.Errorf("refused: %s\nwant %s", got, tc.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			last.Decision = d.last.Decision(&d.last.Groups[0])
			if got := c.comes(t); got != tc.want {
				t.Errorf("decided: %s, want %s", got, tc.want)
			}
		})
	}
}

// decidingChain takes decisions about a chain.
type decidingChain struct {
	chained
	last clearing.NewDecision
}

func (d *decidingChain) Decide(ctx context.Context, _ string, q statement.Query, _ func(rest.Copies) error, drawn func(*statement.Draft) error, made func() (clearing.NewDecision, error)) (rest.Recorded, error) {
	err := d.Draw(ctx, q, drawn)
	if err == nil {
		d.last, err = made()
	}
	return rest.Recorded{Record: 7}, err
}

// comes says what each CDR of a chain comes to: its amount, or its state.
func (c chained) comes(t *testing.T) string {
	t.Helper()
	var list []string
	err := c.Draw(t.Context(), statement.Query{}, func(d *statement.Draft) error {
		for i := range d.Settled {
			s := &d.Settled[i]
			is := s.Owed.Net.String()
			if s.State != clearing.Accepted {
				is = s.State.String()
			}
			list = append(list, s.Key.ID+" "+is)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(list, ", ")
}
