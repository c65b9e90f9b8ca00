package hub

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// identity is somebody who asks: a token, and the party and roles behind it.
type identity struct {
	token, owner string // "GB/DUN"
	roles        []string
}

var identities = []identity{
	{dundeeToken, "GB/DUN", []string{"CPO"}}, {exwToken, "NL/EXW", []string{"EMSP"}}, {nspToken, "DE/NSP", []string{"NSP"}},
	{napToken, "FR/NAP", []string{"NAP"}}, {bothToken, "DE/BOT", []string{"CPO", "EMSP"}}, {"nobody's", "US/BOU", nil}, {"", "GB/DUN", nil},
}

// audience says who finds a module there, by side and name: all others do not.
var audience = map[string][]string{
	"receiver/locations": {"CPO", "NAP"}, "receiver/tariffs": {"CPO", "NAP"}, "receiver/sessions": {"CPO"}, "receiver/cdrs": {"CPO"},
	"receiver/tokens": {"EMSP"}, "receiver/invoicereconciliation": {"CPO", "EMSP"}, "sender/cdrs": {"CPO", "EMSP"},
	"sender/sessions": {"CPO", "EMSP", "SCSP"}, "sender/tokens": {"CPO"}, "sender/invoicereconciliation": {"CPO", "EMSP"},
	"sender/locations": {"EMSP", "NAP", "NSP", "OTHER"}, "sender/tariffs": {"EMSP", "NAP", "NSP", "OTHER"},
}

// preferences ends the path of those of a Session, which is with NL*EXW here.
const preferences = "/charging_preferences"

// audienceOf returns who finds the module of a path there; all = everybody.
func audienceOf(t testing.TB, path string) (roles []string, all bool) {
	t.Helper()
	if strings.HasSuffix(path, preferences) {
		return []string{"EMSP"}, false
	}
	tree, rest, old := strings.Cut(strings.TrimPrefix(path, "/"), "/2.1.1/")
	if !old {
		for key, roles := range audience {
			if _, below, ok := strings.Cut(path+"/", "/"+key+"/"); ok && !strings.Contains(below, "receiver") {
				return roles, false
			}
		}
		return nil, true
	}
	id, _, _ := strings.Cut(rest, "/")
	side := map[bool]string{true: "receiver", false: "sender"}[(tree == treeEMSP) != (id == "tokens")]
	roles, listed := audience[side+"/"+id]
	return roles, !listed
}

// treeRole is whom a tree of 2.1.1 is for; "" where the path is in none.
func treeRole(path string) string {
	switch {
	case strings.HasPrefix(path, "/"+treeEMSP+"/"):
		return "CPO"
	case strings.HasPrefix(path, "/"+treeCPO+"/"):
		return "EMSP"
	}
	return ""
}

// Every route of every version, with everybody's identity, about everybody's
// objects: nobody reads, writes or probes what is not its own. All of it answers
// as if there were nothing.
func TestNobodyReachesWhatIsNotItsOwn(t *testing.T) {
	b := &backend{}
	h := serve(t, b, nil)
	for _, r := range routesOf(h) {
		if r.is("/credentials") {
			continue // about whoever asks: see TestTheHandshakeAsAMachine
		}
		if strings.Contains(r.path, "/commands/") {
			continue // see TestWhoGivesCommands
		}
		for _, who := range identities {
			for _, owner := range []string{"GB/DUN", "GB/PKC", "NL/EXW", "DE/NSP", "FR/NAP", "DE/BOT", "US/BOU"} {
				t.Run(r.method+" "+r.path+r.slash+" by "+who.token+" about "+owner, func(t *testing.T) {
					reach(t, h, b, r, owner, who)
				})
				if !strings.Contains(r.path, objectPath) {
					break // names no owner
				}
			}
		}
	}
}

// way is one method on one path of the router, below Prefix.
type way struct{ method, path, slash string }

func (r way) is(suffix string) bool { return strings.HasSuffix(r.path, suffix) }

// at is the way's URL about an object of an owner.
func (r way) at(owner, id string) string {
	return Prefix + strings.NewReplacer(objectPath, "/"+owner+"/"+id, "/:country", "/"+id, "/:id", "/"+id, ":evse", "E1", ":connector", "1").Replace(r.path) + r.slash
}

// routesOf are all ways below Prefix that a handler's router has, whoever mounted them.
func routesOf(h http.Handler) (list []way) {
	for _, r := range h.(*gin.Engine).Routes() {
		path, ours := strings.CutPrefix(r.Path, Prefix)
		if !ours {
			continue
		}
		bare := strings.TrimSuffix(path, "/")
		list = append(list, way{r.Method, bare, path[len(bare):]})
	}
	return list
}

// What tests walk is all that the router has: each path with and without a slash at
// its end, and HEAD where GET is.
func TestTheWalksMissNoRoute(t *testing.T) {
	h, s := serveWith(t, &backend{}, nil)
	var want []way
	for path, routes := range s.paths() {
		for _, r := range routes {
			for _, slash := range []string{"", "/"} {
				want = append(want, way{r.method, path, slash})
				if r.method == http.MethodGet {
					want = append(want, way{http.MethodHead, path, slash})
				}
			}
		}
	}
	inOrder := cmpopts.SortSlices(func(a, b way) bool { return a.method+a.path+a.slash < b.method+b.path+b.slash })
	if diff := cmp.Diff(want, routesOf(h), inOrder, cmp.AllowUnexported(way{})); diff != "" {
		t.Error(diff)
	}
}

func reach(t *testing.T, h http.Handler, b *backend, r way, owner string, who identity) {
	t.Helper()
	method, path := r.method, r.path
	v := versionOf(path)
	*b = backend{version: v, every: `{"id":"X1","uid":"X1","evses":[{"uid":"E1","connectors":[{"id":"1"}]}]}`,
		cdr: func(context.Context, ocpi.Key) ([]byte, ocpi.Version, error) { return []byte(invoicedCDR), v, nil }}
	body := ""
	if method == http.MethodPut || method == http.MethodPatch || method == http.MethodPost {
		body = bodyOf(path, who.owner)
	}
	url := r.at(owner, "X1")
	if r.is("/sessions") {
		url += "?date_from=2019-01-01T00:00:00Z" // a list without it is 2001
	}
	resp, e := request(t, h, method, url, who.token, body)
	its := who.finds(t, path, method, owner)
	switch reached := len(b.pushes) > 0 || e.Data != nil && e.StatusCode == 1000 || resp.StatusCode < 300; {
	case who.roles == nil:
		if resp.StatusCode != http.StatusUnauthorized || reached {
			t.Errorf("HTTP %d with %d, want 401", resp.StatusCode, e.StatusCode)
		}
	case its != reached:
		t.Errorf("HTTP %d with %d %q, pushes %v: reached %t, want %t", resp.StatusCode, e.StatusCode, e.StatusMessage, b.pushes, reached, its)
	case !its && resp.StatusCode != http.StatusNotFound:
		t.Errorf("HTTP %d with %d, want 404", resp.StatusCode, e.StatusCode)
	}
}

// invoicedCDR is a CDR of whatever key, which NL*EXW is to pay.
const invoicedCDR = `{"country_code":"GB","party_id":"DUN","id":"C1","cdr_token":{"country_code":"NL","party_id":"EXW","uid":"U","type":"RFID","contract_id":"C"}}`

// bodyOf is what an owner, "GB/DUN", may push to a path.
func bodyOf(path, owner string) string {
	if strings.HasSuffix(path, preferences) {
		return `{"profile_type":"CHEAP"}`
	}
	if strings.Contains(path, "/commands/") {
		return "" // a question, which is not kept
	}
	if !strings.Contains(path, "invoicereconciliation") {
		return "{}"
	}
	country, party, _ := strings.Cut(owner, "/")
	return fmt.Sprintf(`{"country_code":%q,"party_id":%q,"id":"X1","invoice_id":"I1","cdrs":["C1"],"last_updated":"2019-01-01T00:00:00Z"}`, country, party)
}

// finds says whether somebody finds what a path is about.
func (who identity) finds(t *testing.T, path, method, owner string) bool {
	t.Helper()
	roles, all := audienceOf(t, path)
	its := all || slices.ContainsFunc(who.roles, func(r string) bool { return slices.Contains(roles, r) })
	if tree := treeRole(path); tree != "" {
		its = its && slices.Contains(who.roles, tree)
	}
	if strings.HasSuffix(path, preferences) {
		return its && who.token == exwToken
	}
	if !strings.Contains(path, objectPath) || method == http.MethodPost {
		return its
	}
	return its && (who.owner == owner || who.token == dundeeToken && owner == "GB/PKC")
}

// versionOf reads the version in a path, 2.2.1 where it has none.
func versionOf(path string) ocpi.Version {
	for part := range strings.SplitSeq(path, "/") {
		if v, ok := ocpi.ParseVersion(part); ok {
			return v
		}
	}
	return ocpi.V221
}

// Whose list it is follows from the token alone.
func TestListsAskForTheirOwn(t *testing.T) {
	for _, who := range identities[:5] {
		for _, version := range []string{"/2.2.1/sender", "/2.3.0/sender", "/cpo/2.1.1"} {
			b := &backend{page: settlement.OCPIPage{}}
			request(t, serve(t, b, nil), "GET", Prefix+version+"/cdrs", who.token, "")
			for _, q := range b.lists {
				for _, p := range append(slices.Clone(q.Debtors), q.Creditors...) {
					if own := fmt.Sprintf("%s/%s", p.Country, p.ID); own != who.owner && own != "GB/PKC" {
						t.Errorf("%s %s asks for %s", who.token, version, own)
					}
				}
			}
		}
	}
}
