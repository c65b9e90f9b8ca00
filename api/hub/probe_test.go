package hub

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// caller is who asks a whole hub: a token, and the parties and roles behind it.
type caller struct {
	token   string
	parties []string
	roles   []string
}

var callers = []caller{
	{dundeeToken, []string{"GB/DUN", "GB/PKC"}, []string{"CPO"}}, {belToken, []string{"FR/BEL"}, []string{"CPO"}},
	{exwToken, []string{"NL/EXW"}, []string{"EMSP"}}, {tnmToken, []string{"DE/TNM"}, []string{"EMSP"}},
	{bothToken, []string{"DE/BOT"}, []string{"CPO", "EMSP"}}, {napToken, []string{"FR/NAP"}, []string{"NAP"}},
	{nspToken, []string{"DE/NSP"}, []string{"NSP"}}, {smaToken, []string{"NL/SMA"}, []string{"SCSP"}},
	{inviteMark, []string{"NL/NEW"}, nil}, {"nobody's", nil, nil}, {"", nil, nil},
}

func (c caller) has(roles ...string) bool {
	return slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(c.roles, r) })
}

// finds reports whether a way is there for the caller at all, by its roles.
func (c caller) finds(t testing.TB, r way) bool {
	roles, all := audienceOf(t, r.path)
	tree := treeRole(r.path)
	return len(c.roles) > 0 && (all || c.has(roles...)) && (tree == "" || c.has(tree))
}

// reads reports whether a thing is on a list for the caller: the rules of who sees
// what, once more.
func (c caller) reads(v ocpi.Version, g thing) bool {
	its, with := slices.Contains(c.parties, g.owner), g.other != "" && slices.Contains(c.parties, g.other)
	switch g.kind {
	case "locations", "tariffs":
		return c.has("EMSP", "NAP", "NSP", "OTHER") && (g.other == "" || its || with)
	case "tokens":
		return c.has("CPO")
	case "sessions":
		return its || with || v != ocpi.V211 && c.token == smaToken && g.owner == "GB/DUN"
	case "invoicereconciliation":
		return v == ocpi.V230 && (its || with)
	}
	return its || with
}

// told is all that an answer tells.
type told struct {
	Status int
	Header http.Header
	Body   string
}

// asks sends a request and returns what it was told.
func (c caller) asks(w *whole, method, at, body string) told {
	r := httptest.NewRequest(method, at, strings.NewReader(body))
	if c.token != "" {
		r.Header.Set("Authorization", "Token "+c.token)
	}
	r.Header.Set("X-Request-ID", "r-1")
	r.Header.Set("X-Correlation-ID", "c-1")
	a := httptest.NewRecorder()
	w.engine.ServeHTTP(a, r)
	return told{a.Code, a.Result().Header, a.Body.String()}
}

// push is the body of a request about a thing.
func (r way) push(g thing) string {
	switch r.method {
	case http.MethodPost, http.MethodPut:
		if strings.Contains(r.path, ":evse") {
			return `{"uid":"E1","id":"1","status":"BLOCKED","last_updated":"2019-02-01T00:00:00Z"}`
		}
		return g.in(versionOf(r.path))
	case http.MethodPatch:
		return `{"secret":"no more","last_updated":"2019-02-01T00:00:00Z"}`
	}
	return ""
}

// kindOf is the module that a way is about.
func (r way) kindOf() string {
	for kind := range bodies[ocpi.V230] {
		if strings.Contains(r.path+"/", "/"+kind+"/") {
			return kind
		}
	}
	return ""
}

// namesNoOwner says that neither the way nor what is sent by it says whose it is.
func (r way) namesNoOwner() bool {
	return strings.Contains(r.path, "/:id") && !strings.Contains(r.path, objectPath) || r.method == http.MethodPost && versionOf(r.path) == ocpi.V211
}

// Whoever asks for, or pushes to, what is not its own is told the very same whether
// that is there or not, and whether its owner is: by no answer can it be found out.
// What is its own it finds. All ways are those of the router.
func TestNotYoursIsLikeUnknown(t *testing.T) {
	w := newWhole(t, nil)
	w.furnish(t, things...)
	owners := []string{"GB/DUN", "GB/PKC", "FR/BEL", "DE/BOT", "FR/NAP", "NL/EXW", "DE/TNM"}
	for _, r := range routesOf(w.engine) {
		kind := r.kindOf()
		if kind == "" || !strings.Contains(r.path, ":") && r.method != http.MethodPost {
			continue // no way to one object
		}
		for _, who := range callers {
			for _, owner := range owners {
				here := thing{kind, owner, "", "X1"}
				if who.finds(t, r) && (slices.Contains(who.parties, owner) || r.namesNoOwner()) {
					who.findsIts(t, w, r, here)
					continue
				}
				got := who.asks(w, r.method, r.at(owner, "X1"), r.push(here))
				for _, other := range []thing{{kind, owner, "", "Q1"}, {kind, "US/BOU", "", "X1"}} {
					want := who.asks(w, r.method, r.at(other.owner, other.id), r.push(other))
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("%s %s by %q: about %s %s otherwise than about %s: %s", r.method, r.path, who.token, owner, "X1", other.secret(), diff)
					}
				}
			}
		}
	}
	if strings.Contains(w.logged.String(), "request failed") {
		t.Error(w.logged)
	}
}

// findsIts reads what is the caller's own, where there is such a thing.
func (c caller) findsIts(t *testing.T, w *whole, r way, g thing) {
	t.Helper()
	there := slices.ContainsFunc(things, func(other thing) bool {
		return other.kind == g.kind && other.id == g.id && other.owner == g.owner && (g.kind != "tariffs" || other.other == "")
	})
	if r.method != http.MethodGet || !there || r.namesNoOwner() {
		return
	}
	a := c.asks(w, r.method, r.at(g.owner, g.id), "")
	var e envelope
	if json.Unmarshal([]byte(a.Body), &e) != nil || a.Status != http.StatusOK || e.StatusCode != 1000 {
		t.Errorf("GET %s by its owner %q: HTTP %d %s", r.path, c.token, a.Status, a.Body)
	}
}

// A list holds what its reader may see, all of it, and counts no more: whoever asks,
// in every version. All lists are those of the router.
func TestListsHoldWhatMayBeSeen(t *testing.T) {
	w := newWhole(t, nil)
	w.furnish(t, things...)
	for _, r := range routesOf(w.engine) {
		kind := r.kindOf()
		if kind == "" || r.method != http.MethodGet || strings.Contains(r.path, ":") {
			continue
		}
		v := versionOf(r.path)
		for _, who := range callers {
			a := who.asks(w, r.method, r.at("", "")+"?date_from=2018-01-01T00:00:00Z", "")
			var e struct{ Data []struct{ Secret string } }
			if err := json.Unmarshal([]byte(a.Body), &e); err != nil || !who.finds(t, r) {
				if len(e.Data) > 0 || a.Status < http.StatusBadRequest {
					t.Errorf("%s by %q: HTTP %d %s", r.path, who.token, a.Status, a.Body)
				}
				continue
			}
			may := map[string]bool{}
			for _, g := range things {
				if g.kind == kind && who.reads(v, g) {
					may[g.secret()] = true
				}
			}
			for _, g := range e.Data {
				if !may[g.Secret] {
					t.Errorf("%s by %q shows %q", r.path, who.token, g.Secret)
				}
			}
			if want := len(may); a.Header.Get("X-Total-Count") != strconv.Itoa(want) || v != ocpi.V211 && len(e.Data) != want {
				t.Errorf("%s by %q: %d of %s, want %d", r.path, who.token, len(e.Data), a.Header.Get("X-Total-Count"), want)
			}
		}
	}
}

// Where pairs alone roam, what a party is not paired with is as if it were not there:
// on no list, under no id, in no count.
func TestWhoIsNotPairedIsLikeUnknown(t *testing.T) {
	w := newWhole(t, func(d *Deps) { d.Partners.(*control.Partners).PairsOnly() })
	if err := w.partners.AddPair(t.Context(), "", control.Pair{CPO: ocpi.NewParty("GB", "DUN"), EMSP: ocpi.NewParty("NL", "EXW")}); err != nil {
		t.Fatal(err)
	}
	w.furnish(t, things...)
	for _, r := range routesOf(w.engine) {
		kind, v := r.kindOf(), versionOf(r.path)
		if r.method != http.MethodGet || kind != "locations" && kind != "tariffs" && kind != "tokens" || strings.Contains(r.path, objectPath) {
			continue
		}
		for _, who := range callers {
			if !who.finds(t, r) {
				continue
			}
			paired := func(g thing) bool {
				with := g.other == "" || slices.Contains(who.parties, g.other)
				return slices.Contains(who.parties, g.owner) || with && (g.owner == "GB/DUN" && who.token == exwToken || g.owner == "NL/EXW" && who.token == dundeeToken)
			}
			if strings.Contains(r.path, "/:id") {
				unknown := who.asks(w, r.method, r.at("", "Q1"), "")
				for _, g := range things {
					if got := who.asks(w, r.method, r.at("", g.id), ""); g.kind == kind && !paired(g) && !cmp.Equal(unknown, got) {
						t.Errorf("%s by %q: %s is told from what is unknown: %s", r.path, who.token, g.secret(), cmp.Diff(unknown, got))
					}
				}
				continue
			}
			a := who.asks(w, r.method, r.at("", ""), "")
			want := 0
			for _, g := range things {
				if on := g.kind == kind && paired(g); on {
					want++
				} else if strings.Contains(a.Body, g.secret()) {
					t.Errorf("%s by %q shows %s", r.path, who.token, g.secret())
				}
			}
			if v != ocpi.V211 && a.Header.Get("X-Total-Count") != strconv.Itoa(want) {
				t.Errorf("%s by %q counts %s, want %d: %s", r.path, who.token, a.Header.Get("X-Total-Count"), want, a.Body)
			}
		}
	}
}
