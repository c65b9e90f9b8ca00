package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// What is on a list follows from the roles that the partner has.
func TestListObjects(t *testing.T) {
	all := settlement.ListPart{ObjectList: settlement.ObjectList{Kind: settlement.ListAll}}
	of := func(kind settlement.ListKind, parties ...string) (lists []settlement.ListPart) {
		for _, p := range parties {
			lists = append(lists, settlement.ListPart{ObjectList: settlement.ObjectList{Kind: kind, Party: ocpi.NewParty(p[:2], p[2:])}})
		}
		return lists
	}
	const from = "?date_from=2019-01-01T00:00:00Z"
	for _, tt := range []struct {
		name, token, path string
		object            ingest.Object
		want              []settlement.ListPart // none: 404
	}{
		{"an eMSP reads all Locations", exwToken, "/locations", ingest.ObjectLocation, []settlement.ListPart{all}},
		{"so does who navigates", nspToken, "/locations", ingest.ObjectLocation, []settlement.ListPart{all}},
		{"a CPO none: there they are its own", dundeeToken, "/locations", ingest.ObjectLocation, nil},
		{"who publishes some too, all and its own", napToken, "/locations", ingest.ObjectLocation, append(of(settlement.ListOwn, "FRNAP"), all)},
		{"who is both, all and its own", bothToken, "/locations", ingest.ObjectLocation, append(of(settlement.ListOwn, "DEBOT"), all)},
		{"an eMSP reads Tariffs for all and for it", exwToken, "/tariffs", ingest.ObjectTariff, append([]settlement.ListPart{all}, of(settlement.ListWith, "NLEXW")...)},
		{"a CPO no Tariffs", dundeeToken, "/tariffs", ingest.ObjectTariff, nil},
		{"a CPO reads all Tokens", dundeeToken, "/tokens", ingest.ObjectToken, []settlement.ListPart{all}},
		{"an eMSP none", exwToken, "/tokens", ingest.ObjectToken, nil},
		{"who navigates none", nspToken, "/tokens", ingest.ObjectToken, nil},
		{"an eMSP reads Sessions of its Tokens", exwToken, "/sessions" + from, ingest.ObjectSession, of(settlement.ListWith, "NLEXW")},
		{"a CPO those at its Locations", dundeeToken, "/sessions" + from, ingest.ObjectSession, of(settlement.ListOwn, "GBDUN", "GBPKC")},
		{"who is both, both", bothToken, "/sessions" + from, ingest.ObjectSession, append(of(settlement.ListOwn, "DEBOT"), of(settlement.ListWith, "DEBOT")...)},
		{"who navigates none", nspToken, "/sessions" + from, ingest.ObjectSession, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := &backend{page: settlement.OCPIPage{Bodies: [][]byte{[]byte(`{"a":1}`)}, Versions: []ocpi.Version{ocpi.V221}, Owners: make([]ocpi.Party, 1), Total: 3, Next: "CUR"}}
			resp, e := request(t, serve(t, b, nil), "GET", "/ocpi/2.2.1/sender"+tt.path, tt.token, "")
			if tt.want == nil {
				if resp.StatusCode != 404 || len(b.of) > 0 {
					t.Errorf("HTTP %d, %d queries", resp.StatusCode, len(b.of))
				}
				return
			}
			if resp.StatusCode != 200 || string(e.Data) != `[{"a":1}]` || resp.Header.Get("X-Total-Count") != "3" || resp.Header.Get("X-Limit") != "500" {
				t.Errorf("HTTP %d %s, %v", resp.StatusCode, e.Data, resp.Header)
			}
			if link := resp.Header.Get("Link"); !strings.Contains(link, "/ocpi/2.2.1/sender"+strings.TrimSuffix(tt.path, from)+"?cursor=CUR&") || !strings.Contains(link, "limit=500&offset=1>") {
				t.Errorf("Link %s", link)
			}
			if len(b.of) != 1 || b.of[0].Object != tt.object {
				t.Fatalf("queries %+v", b.of)
			}
			if diff := cmp.Diff(tt.want, b.of[0].Lists); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]ingest.Object{tt.object}, b.awaited); diff != "" {
				t.Errorf("waited for: %s", diff)
			}
		})
	}
}

// Lists of Sessions are read by their last_updated, or by when they came: as the query
// says, or else as is said for the partner; those of what is published are not.
func TestSessionsByReceipt(t *testing.T) {
	p := partners(t)
	if _, err := p.SetListBy(t.Context(), "", "de-bot-cpo", 0, control.ListByReceived); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		token, path string
		received    bool
	}{
		{exwToken, "/sessions?date_from=2019-01-01T00:00:00Z", false},
		{exwToken, "/sessions?date_from=2019-01-01T00:00:00Z&list_by=received", true},
		{bothToken, "/sessions?date_from=2019-01-01T00:00:00Z", true},
		{bothToken, "/sessions?date_from=2019-01-01T00:00:00Z&list_by=last_updated", false},
		{bothToken, "/locations", false},
	} {
		b := &backend{page: settlement.OCPIPage{Bodies: [][]byte{[]byte(`{"a":1}`)}, Versions: []ocpi.Version{ocpi.V221}, Owners: make([]ocpi.Party, 1), Total: 3, Next: "CUR"}}
		resp, _ := request(t, serve(t, b, func(d *Deps) { d.Partners = p }), "GET", "/ocpi/2.2.1/sender"+tt.path, tt.token, "")
		if resp.StatusCode != 200 || len(b.of) != 1 || b.of[0].ByReceived != tt.received {
			t.Errorf("%s: HTTP %d, %+v; want by receipt %t", tt.path, resp.StatusCode, b.of, tt.received)
		}
		if says := strings.Contains(resp.Header.Get("Link"), "list_by=received"); says != tt.received {
			t.Errorf("%s: Link %s", tt.path, resp.Header.Get("Link"))
		}
	}
	if _, e := request(t, serve(t, &backend{}, nil), "GET", "/ocpi/2.2.1/sender/sessions?date_from=2019-01-01T00:00:00Z&list_by=created", exwToken, ""); e.StatusCode != 2001 {
		t.Errorf("by what there is not: %d", e.StatusCode)
	}
}

// What parties published that are nobody's any more is on no list, and found by no
// single GET.
func TestNothingOfFormerPartnersIsListed(t *testing.T) {
	p := partners(t)
	dun, pkc, bot := ocpi.NewParty("GB", "DUN"), ocpi.NewParty("GB", "PKC"), ocpi.NewParty("DE", "BOT")
	location := ingest.ObjectState{Object: ingest.ObjectLocation, Key: ocpi.Key{Party: dun, ID: "L1"}, Version: ocpi.V221, Body: []byte(`{"id":"L1"}`)}
	part := func(kind settlement.ListKind, party ocpi.Party, except ...ocpi.Party) settlement.ListPart {
		return settlement.ListPart{ObjectList: settlement.ObjectList{Kind: kind, Party: party}, Except: except}
	}
	exw := ocpi.NewParty("NL", "EXW")
	for _, id := range []string{"gb-dun-cpo", "de-bot-cpo"} {
		if err := p.Remove(t.Context(), "", id, 0); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := p.Add(t.Context(), "", control.NewPartner{Name: "TNM", Token: "tnm-token", Roles: []control.Role{control.NewRole("CPO", "NL", "TNM")}}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path, token string
		want        []settlement.ListPart
	}{
		{"/locations", exwToken, []settlement.ListPart{part(settlement.ListAll, ocpi.Party{}, bot, dun, pkc)}},
		{"/tariffs", exwToken, []settlement.ListPart{part(settlement.ListAll, ocpi.Party{}, bot, dun, pkc), part(settlement.ListWith, exw, bot, dun, pkc)}},
		{"/tokens", "tnm-token", []settlement.ListPart{part(settlement.ListAll, ocpi.Party{}, bot)}},
		{"/sessions?date_from=2019-01-01T00:00:00Z", exwToken, []settlement.ListPart{part(settlement.ListWith, exw)}},
		{"/locations/L1", exwToken, nil},
	} {
		b := &backend{owned: []ingest.ObjectState{location}}
		resp, _ := request(t, serve(t, b, func(d *Deps) { d.Partners = p }), "GET", "/ocpi/2.2.1/sender"+tt.path, tt.token, "")
		if tt.want == nil {
			if resp.StatusCode != 404 {
				t.Errorf("%s: HTTP %d, want 404", tt.path, resp.StatusCode)
			}
			continue
		}
		if len(b.of) != 1 {
			t.Fatalf("%s: HTTP %d, %d queries", tt.path, resp.StatusCode, len(b.of))
		}
		if diff := cmp.Diff(tt.want, b.of[0].Lists); diff != "" {
			t.Errorf("%s: %s", tt.path, diff)
		}
	}
}

// The page that a Link leads to is read as the store is; one that is asked for by
// its offset alone waits as the first does.
func TestOnlyFirstPagesWait(t *testing.T) {
	for query, waits := range map[string]int{"": 1, "?offset=5": 1, "?offset=5&cursor=CUR": 0} {
		b := &backend{}
		request(t, serve(t, b, nil), "GET", "/ocpi/2.2.1/sender/tokens"+query, dundeeToken, "")
		if len(b.awaited) != waits || len(b.of) != 1 {
			t.Errorf("%q: waited %d times for %d queries, want %d", query, len(b.awaited), len(b.of), waits)
		}
	}
}

// waitingObjects answers nobody before a number of questions were asked.
type waitingObjects struct {
	*backend
	first atomic.Int64 // of them, still to come
	all   chan struct{}
}

func (w *waitingObjects) Get(ctx context.Context, t ingest.Target) (ingest.ObjectState, bool, error) {
	if w.first.Add(-1) == 0 {
		close(w.all)
	}
	select {
	case <-w.all:
	case <-ctx.Done():
		return ingest.ObjectState{}, false, ctx.Err()
	}
	return w.backend.Get(ctx, t)
}

// What conversions of a page ask for is asked at once, so that it goes into few
// queries, and the list keeps its order.
func TestAPageIsConvertedAtOnce(t *testing.T) {
	const n = 20
	b := &backend{objects: map[ingest.Target]string{{Object: ingest.ObjectTariff, Key: ocpi.NewKey("GB", "DUN", "T2")}: tariff221}}
	var want []string
	for i := range n {
		b.page.Bodies = append(b.page.Bodies, []byte(strings.Replace(location221, `"L1"`, fmt.Sprintf(`"L%d"`, i), 1)))
		b.page.Versions, b.page.Owners = append(b.page.Versions, ocpi.V221), append(b.page.Owners, ocpi.NewParty("GB", "DUN"))
		want = append(want, fmt.Sprint("L", i, " T2"))
	}
	b.page.Total = n
	w := &waitingObjects{backend: b, all: make(chan struct{})}
	w.first.Store(n)
	resp, e := request(t, serve(t, b, func(d *Deps) { d.Objects = w }), "GET", Prefix+"/cpo/2.1.1/locations", exwToken, "")
	var shown []struct {
		ID    string `json:"id"`
		EVSEs []struct {
			Connectors []struct {
				Tariff string `json:"tariff_id"`
			} `json:"connectors"`
		} `json:"evses"`
	}
	if err := json.Unmarshal(e.Data, &shown); err != nil || resp.StatusCode != 200 {
		t.Fatalf("HTTP %d with %d %q, %v", resp.StatusCode, e.StatusCode, e.StatusMessage, err)
	}
	var got []string
	for _, l := range shown {
		got = append(got, l.ID+" "+l.EVSEs[0].Connectors[0].Tariff)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestListObjectsRefuses(t *testing.T) {
	for path, want := range map[string]string{
		"sessions":                 "date_from: missing",
		"sessions?date_from=x":     "date_from: ",
		"locations?limit=0":        "limit: ",
		"tariffs?offset=-1":        "offset: ",
		"tariffs?date_to=tomorrow": "date_to: ",
	} {
		b := &backend{}
		token := exwToken
		resp, e := request(t, serve(t, b, nil), "GET", "/ocpi/2.2.1/sender/"+path, token, "")
		if resp.StatusCode != 200 || e.StatusCode != 2001 || !strings.HasPrefix(e.StatusMessage, want) || len(b.of) > 0 {
			t.Errorf("%s: HTTP %d with %d %q", path, resp.StatusCode, e.StatusCode, e.StatusMessage)
		}
	}
	b := &backend{readErr: settlement.ErrCursor}
	if resp, e := request(t, serve(t, b, nil), "GET", "/ocpi/2.2.1/sender/tokens?cursor=x", dundeeToken, ""); resp.StatusCode != 200 || e.StatusCode != 2001 {
		t.Errorf("no cursor: HTTP %d with %d", resp.StatusCode, e.StatusCode)
	}
}

// A Location is found without its owner's name where that is clear.
func TestSenderLocation(t *testing.T) {
	location := func(party, id string) ingest.ObjectState {
		return ingest.ObjectState{Object: ingest.ObjectLocation, Key: ocpi.NewKey("GB", party, id), Version: ocpi.V221,
			Body: []byte(`{"party_id":"` + party + `","evses":[{"uid":"E1","connectors":[{"id":"1"}]}]}`)}
	}
	b := &backend{owned: []ingest.ObjectState{location("DUN", "L1"), location("DUN", "L2"), location("PKC", "L2"), location("XXX", "L1")}}
	toDundee := []string{"OCPI-to-country-code", "gb", "OCPI-to-party-id", "dun"}
	for _, tt := range []struct {
		name, token, path string
		headers           []string
		http, ocpi        int
		want              string
	}{
		{"the only one", exwToken, "/L1", nil, 200, 1000, string(b.owned[0].Body)},
		{"its EVSE", exwToken, "/l1/e1", nil, 200, 1000, `{"uid":"E1","connectors":[{"id":"1"}]}`},
		{"its Connector", nspToken, "/L1/E1/1", nil, 200, 1000, `{"id":"1"}`},
		{"no such Connector", exwToken, "/L1/E1/2", nil, 404, 2003, ""},
		{"two owners", exwToken, "/L2", nil, 200, 2001, ""},
		{"two owners, one named", exwToken, "/L2", toDundee, 200, 1000, string(b.owned[1].Body)},
		{"none", exwToken, "/L3", nil, 404, 2003, ""},
		{"not of the one named", exwToken, "/L1", []string{"OCPI-to-country-code", "GB", "OCPI-to-party-id", "PKC"}, 404, 2003, ""},
		{"a CPO", dundeeToken, "/L1", nil, 404, 2003, ""},
		{"an owner that nobody knows", exwToken, "/L1", []string{"OCPI-to-country-code", "GB", "OCPI-to-party-id", "ZQX"}, 200, 4001, ""},
		{"to us", exwToken, "/L1", []string{"OCPI-to-country-code", "ZZ", "OCPI-to-party-id", "RCH"}, 200, 1000, string(b.owned[0].Body)},
	} {
		resp, e := request(t, serve(t, b, nil), "GET", "/ocpi/2.2.1/sender/locations"+tt.path, tt.token, "", tt.headers...)
		if resp.StatusCode != tt.http || e.StatusCode != tt.ocpi || tt.want != "" && string(e.Data) != tt.want {
			t.Errorf("%s: HTTP %d with %d %q %s", tt.name, resp.StatusCode, e.StatusCode, e.StatusMessage, e.Data)
		}
	}
}
