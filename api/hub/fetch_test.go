package hub

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/partner"
	"github.com/roamclear/roamclear/ocpi"
)

// A single GET that is for another party is that one's to answer: of the owner about its
// own object, and of a reader about a Location, whatever versions the two speak.
func TestSingleGETsAreAnsweredThere(t *testing.T) {
	for _, from := range later {
		for _, to := range versions {
			t.Run(from.String()+" asks "+to.String(), func(t *testing.T) {
				e := newExchange(t, from, to)
				for _, kind := range []string{"locations", "tariffs", "sessions"} {
					theirs := thing{kind, "GB/DUN", "NL/EXW", "X1"}.in(to)
					e.post.answer = says(theirs)
					header, got, r := e.send(t, e.cpo, "GET /"+from.String()+"/receiver/"+kind+"/GB/DUN/X1", "", "GB/DUN", "NL/EXW")
					if r == nil || got.StatusCode != 1000 || r.Side != ocpi.RoleReceiver || r.Method != "GET" || strings.Join(r.Path, "/") != "GB/DUN/X1" || r.For != ocpi.NewParty("NL", "EXW") {
						t.Errorf("%s: %d %q, sent %+v", kind, got.StatusCode, got.StatusMessage, r)
						continue
					}
					readable(t, kind, from, got.Data)
					if from == to && (string(got.Data) != theirs || header.Get(lostHeader) != "") {
						t.Errorf("%s is not as it was sent: %s", kind, got.Data)
					}
				}
			})
		}
	}
	for _, from := range later {
		for _, to := range versions {
			e := newExchange(t, to, from)
			e.post.answer = says(thing{"locations", "GB/DUN", "", "X1"}.in(to))
			_, got, r := e.send(t, e.emsp, "GET /"+from.String()+"/sender/locations/X1", "", "NL/EXW", "GB/DUN")
			if r == nil || got.StatusCode != 1000 || r.Side != ocpi.RoleSender || strings.Join(r.Path, "/") != "X1" || r.From != ocpi.NewParty("NL", "EXW") {
				t.Errorf("%s asks %s: %d %q, sent %+v", from, to, got.StatusCode, got.StatusMessage, r)
				continue
			}
			readable(t, "locations", from, got.Data)
		}
	}
}

// A Token and an invoice are asked for in the other direction.
func TestTokensAndInvoicesAreAskedFor(t *testing.T) {
	e := newExchange(t, ocpi.V230, ocpi.V230)
	token := thing{"tokens", "NL/EXW", "", "K1"}.in(ocpi.V230)
	e.post.answer = says(token)
	if _, got, r := e.send(t, e.emsp, "GET /2.3.0/receiver/tokens/NL/EXW/K1?type=RFID", "", "NL/EXW", "GB/DUN"); r == nil || string(got.Data) != token || r.Query != nil {
		t.Errorf("%d %q, sent %+v", got.StatusCode, got.StatusMessage, r)
	}
	invoice := thing{"invoicereconciliation", "GB/DUN", "NL/EXW", "I1"}.in(ocpi.V230)
	e.post.answer = says(invoice)
	if _, got, r := e.send(t, e.cpo, "GET /2.3.0/receiver/invoicereconciliation/GB/DUN/I1", "", "GB/DUN", "NL/EXW"); r == nil || string(got.Data) != invoice {
		t.Errorf("%d %q, sent %+v", got.StatusCode, got.StatusMessage, r)
	}
}

// What comes back is the object that was asked for, of whom it was asked, or it is
// nothing; a no is handed on.
func TestOnlyWhatWasAskedFor(t *testing.T) {
	e := newExchange(t, ocpi.V221, ocpi.V221)
	for name, c := range map[string]struct {
		answer     func(partner.Request) (*partner.Answer, error)
		http, code int
	}{
		"another id":    {says(thing{"sessions", "GB/DUN", "NL/EXW", "X2"}.in(ocpi.V221)), 200, 4000},
		"another owner": {says(thing{"sessions", "FR/BEL", "NL/EXW", "X1"}.in(ocpi.V221)), 200, 4000},
		"no object":     {says(`[]`), 200, 4000},
		"nothing":       {says(``), 200, 4000},
		"no JSON":       {says(`{"id":`), 200, 4000},
		"unknown":       {refuses(404, 2000, ""), 404, 2000},
		"not let in":    {refuses(401, 2000, ""), 200, 4003},
	} {
		e.post.answer = c.answer
		w, got := e.ask(t, e.cpo, "GET", "/2.2.1/receiver/sessions/GB/DUN/X1", "", "OCPI-to-country-code", "NL", "OCPI-to-party-id", "EXW")
		if w.Code != c.http || got.StatusCode != c.code || got.Data != nil {
			t.Errorf("%s: HTTP %d with %d %q %s", name, w.Code, got.StatusCode, got.StatusMessage, got.Data)
		}
	}
	// What is another's does not exist, whoever is asked.
	if _, got, r := e.send(t, e.cpo, "GET /2.2.1/receiver/sessions/FR/BEL/X1", "", "GB/DUN", "NL/EXW"); got.StatusCode != 2000 || r != nil {
		t.Errorf("another's: %d, sent %+v", got.StatusCode, r)
	}
}

// Who has told us no address is answered for by what it has pushed, where OCPI-to says
// whose it is; nothing else is made up.
func TestWhoIsAnsweredFor(t *testing.T) {
	e := newExchange(t, ocpi.V221, ocpi.V221)
	e.do(t, belToken, "PUT", "/2.2.1/receiver/locations/FR/BEL/X1", thing{"locations", "FR/BEL", "", "X1"}.in(ocpi.V221))
	if _, got, r := e.send(t, e.emsp, "GET /2.2.1/sender/locations/X1", "", "NL/EXW", "FR/BEL"); got.StatusCode != 1000 || r != nil {
		t.Errorf("a Location: %d %q, sent %+v", got.StatusCode, got.StatusMessage, r)
	}
	if _, got, r := e.send(t, e.emsp, "GET /2.2.1/sender/locations", "", "NL/EXW", "FR/BEL"); got.StatusCode != 4003 || r != nil {
		t.Errorf("a list: %d %q, sent %+v", got.StatusCode, got.StatusMessage, r)
	}
}

// A list of a party is a page of what that has, as far as who asks may see it; its link
// leads to us, goes on where the party's does, and is good for nobody else.
func TestListsOfAParty(t *testing.T) {
	for _, to := range versions {
		t.Run(to.String(), func(t *testing.T) {
			e := newExchange(t, to, ocpi.V221)
			list := func(others ...thing) string {
				var items []string
				for _, g := range others {
					items = append(items, g.in(to))
				}
				return "[" + strings.Join(items, ",") + "]"
			}
			e.post.answer = func(r partner.Request) (*partner.Answer, error) {
				if n := e.served.places.lists.Used(); n != 0 {
					t.Errorf("%d places of lists are held while a partner is waited for", n)
				}
				a, err := says(list(thing{"sessions", "GB/DUN", "NL/EXW", "X1"}, thing{"sessions", "GB/DUN", "DE/TNM", "X2"}, thing{"sessions", "FR/BEL", "NL/EXW", "X3"}))(r)
				if r.Page == "" {
					a.Header.Set("Link", `<https://gb-dun-cpo.example/other/path?offset=2&x=a%2Fb>; rel="next"`)
					a.Header.Set("X-Total-Count", "7")
					a.Header.Set("X-Limit", "3")
				}
				return a, err
			}
			const path = "GET /2.2.1/sender/sessions?date_from=2019-01-01T00:00:00Z&limit=2000&x=1"
			header, got, r := e.send(t, e.emsp, path, "", "NL/EXW", "GB/DUN")
			if r == nil || r.Query.Encode() != "date_from=2019-01-01T00%3A00%3A00Z&limit=100" || len(r.Path) > 0 || header.Get("X-Total-Count") != "" || header.Get("X-Limit") != "3" {
				t.Fatalf("%d %q %v, sent %+v", got.StatusCode, got.StatusMessage, header, r)
			}
			for id, is := range map[string]bool{"X1": true, "X2": false, "X3": to == ocpi.V211} { // a body of 2.1.1 does not say whose it is
				if strings.Contains(string(got.Data), fmt.Sprintf(`"id":%q`, id)) != is {
					t.Errorf("%s in %s: want %t", id, got.Data, is)
				}
			}
			link := strings.TrimSuffix(strings.TrimPrefix(header.Get("Link"), "<"), `>; rel="next"`)
			at, ok := strings.CutPrefix(link, "http://roam.example/ocpi")
			if !ok || !strings.HasPrefix(at, "/2.2.1/sender/sessions?cursor=") || strings.Contains(link, "gb-dun-cpo.example") {
				t.Fatalf("linked to %q", link)
			}
			if header, _, r = e.send(t, e.emsp, "GET "+at, "", "NL/EXW", "GB/DUN"); r == nil || r.Page != "/other/path?offset=2&x=a%2Fb" || header.Get("Link") != "" {
				t.Errorf("followed with %v, sent %+v", header, r)
			}
			for _, other := range []struct{ token, path, from, to string }{
				{e.tnm, "GET " + at, "DE/TNM", "GB/DUN"}, {e.emsp, "GET " + at + "x", "NL/EXW", "GB/DUN"}, {e.emsp, "GET /2.2.1/sender/sessions?cursor=Lw", "NL/EXW", "GB/DUN"},
				{e.emsp, "GET " + strings.Replace(at, "sessions", "tariffs", 1), "NL/EXW", "GB/DUN"},
			} {
				if _, got, r := e.send(t, other.token, other.path, "", other.from, other.to); got.StatusCode != 2001 || r != nil {
					t.Errorf("%s by %s: %d %q, sent %+v", other.path, other.from, got.StatusCode, got.StatusMessage, r)
				}
			}
		})
	}
}

// CDRs and other lists: whose they are decides who is shown them.
func TestListsOfEachModule(t *testing.T) {
	e := newExchange(t, ocpi.V230, ocpi.V221)
	for _, c := range []struct{ token, kind, path, asker, asked, mine, another string }{
		{e.emsp, "locations", "", "NL/EXW", "GB/DUN", thing{"locations", "GB/DUN", "", "X1"}.in(ocpi.V230), thing{"locations", "FR/BEL", "", "X2"}.in(ocpi.V230)},
		{e.emsp, "tariffs", "", "NL/EXW", "GB/DUN", thing{"tariffs", "GB/DUN", "", "X1"}.in(ocpi.V230), thing{"tariffs", "FR/BEL", "", "X2"}.in(ocpi.V230)},
		{e.emsp, "cdrs", "", "NL/EXW", "GB/DUN", thing{"cdrs", "GB/DUN", "NL/EXW", "X1"}.in(ocpi.V230), thing{"cdrs", "GB/DUN", "DE/TNM", "X2"}.in(ocpi.V230)},
		{e.cpo, "tokens", "", "GB/DUN", "NL/EXW", thing{"tokens", "NL/EXW", "", "X1"}.in(ocpi.V221), thing{"tokens", "DE/TNM", "", "X2"}.in(ocpi.V221)},
	} {
		e.post.answer = says("[" + c.mine + "," + c.another + ",5]")
		v := map[string]string{"tokens": "2.3.0"}[c.kind]
		if v == "" {
			v = "2.2.1"
		}
		_, got, r := e.send(t, c.token, "GET /"+v+"/sender/"+c.kind+c.path, "", c.asker, c.asked)
		if r == nil || got.StatusCode != 1000 || !strings.Contains(string(got.Data), `"X1"`) || strings.Contains(string(got.Data), `"X2"`) || !strings.Contains(got.StatusMessage, "what is not yours") {
			t.Errorf("%s: %d %q %s, sent %+v", c.kind, got.StatusCode, got.StatusMessage, got.Data, r)
		}
	}
	if w, _ := e.ask(t, e.emsp, "GET", "/2.2.1/sender/sessions", "", "OCPI-to-country-code", "GB", "OCPI-to-party-id", "DUN"); w.Code != http.StatusOK {
		t.Errorf("Sessions of ever: HTTP %d", w.Code)
	}
}

// How much a party has is told to who may see all of it; who may see nothing of a party
// does not ask it.
func TestHowMuchAPartyHas(t *testing.T) {
	e := newExchange(t, ocpi.V221, ocpi.V221)
	count := func(kind, items string) (total, message string) {
		e.post.answer = func(r partner.Request) (*partner.Answer, error) {
			a, err := says("[" + items + "]")(r)
			a.Header.Set("X-Total-Count", "7")
			return a, err
		}
		header, got, _ := e.send(t, e.emsp, "GET /2.2.1/sender/"+kind+"?date_from=2019-01-01T00:00:00Z", "", "NL/EXW", "GB/DUN")
		return header.Get("X-Total-Count"), got.StatusMessage
	}
	for _, c := range []struct{ kind, other, total string }{{"locations", "", "7"}, {"tariffs", "", ""}, {"sessions", "NL/EXW", ""}, {"cdrs", "NL/EXW", ""}} {
		if total, _ := count(c.kind, thing{c.kind, "GB/DUN", c.other, "X1"}.in(ocpi.V221)); total != c.total {
			t.Errorf("%s: %q in all, want %q", c.kind, total, c.total)
		}
	}
	if total, message := count("locations", thing{"locations", "FR/BEL", "", "X2"}.in(ocpi.V221)); total != "" || strings.ContainsAny(message, "0123456789") {
		t.Errorf("some are left out: %q in all, %q", total, message)
	}
	e.partners.PairsOnly()
	for _, kind := range []string{"locations", "tariffs"} {
		if _, got, r := e.send(t, e.emsp, "GET /2.2.1/sender/"+kind, "", "NL/EXW", "GB/DUN"); got.StatusCode != 4001 || r != nil {
			t.Errorf("%s of who does not roam with us: %d %q, sent %+v", kind, got.StatusCode, got.StatusMessage, r)
		}
	}
}

// A page has no more than was asked for, and what has room: else its sender is told so.
func TestPagesOfAPartyAreBounded(t *testing.T) {
	e := newExchange(t, ocpi.V221, ocpi.V221)
	items := func(n int) string {
		return "[" + strings.TrimSuffix(strings.Repeat(thing{"locations", "GB/DUN", "", "X1"}.in(ocpi.V221)+",", n), ",") + "]"
	}
	tooLarge := func(partner.Request) (*partner.Answer, error) {
		return nil, &partner.Error{HTTP: 200, Err: api.ErrTooLarge}
	}
	for _, c := range []struct {
		query, asked string
		answer       func(partner.Request) (*partner.Answer, error)
		code         int
		says         string
	}{
		{"", "100", says(items(100)), 1000, ""}, {"", "100", says(items(101)), 4000, "more than the 100"},
		{"?limit=2", "2", says(items(2)), 1000, ""}, {"?limit=2", "2", says(items(3)), 4000, "more than the 2"},
		{"", "100", tooLarge, 4000, "ask for fewer"},
	} {
		e.post.answer = c.answer
		_, got, r := e.send(t, e.emsp, "GET /2.2.1/sender/locations"+c.query, "", "NL/EXW", "GB/DUN")
		if r == nil || r.Query.Get("limit") != c.asked || r.Limit < 1<<20 || got.StatusCode != c.code || !strings.Contains(got.StatusMessage, c.says) {
			t.Errorf("%q: %d %q, sent %+v", c.query, got.StatusCode, got.StatusMessage, r)
		}
	}
}
