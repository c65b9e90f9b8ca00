package hub

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// Who reads lists of OCPI 2.1.1 takes two things of one id for one: of two owners'
// it is shown neither, of one owner's the one that is its own, and is told what is
// left out. Later versions name the owner, and leave nothing out.
func TestIDsThatSeveralHave(t *testing.T) {
	id := func(o ingest.Object, owner, id, variant string) ingest.Identity {
		return ingest.Identity{Object: o, Key: ocpi.NewKey(owner[:2], owner[2:], id), Variant: variant}
	}
	const both = bothToken // CPO and eMSP
	for _, tt := range []struct {
		name, token, list string
		page              []ingest.Identity
		others            map[int][]ingest.Identity
		want              string // which of them are shown
		shared            int64  // findings
		says              string
	}{
		{"nothing else", exwToken, "locations", []ingest.Identity{id(ingest.ObjectLocation, "GBDUN", "L1", "")}, nil, "0", 0, ""},
		{"another owner's", exwToken, "locations", []ingest.Identity{id(ingest.ObjectLocation, "GBDUN", "L1", ""), id(ingest.ObjectLocation, "GBDUN", "L2", ""), id(ingest.ObjectLocation, "GBPKC", "L1", "")},
			map[int][]ingest.Identity{0: {id(ingest.ObjectLocation, "GBPKC", "L1", "")}, 2: {id(ingest.ObjectLocation, "GBDUN", "L1", "")}}, "1", 2, "location L1 of GB*DUN and GB*PKC"},
		{"that is not on the page", exwToken, "cdrs", []ingest.Identity{id(ingest.ObjectCDR, "GBDUN", "C1", "")},
			map[int][]ingest.Identity{0: {id(ingest.ObjectCDR, "GBPKC", "C1", "")}}, "", 1, "cdr C1 of GB*DUN and GB*PKC"},
		{"of a Session", exwToken, "sessions", []ingest.Identity{id(ingest.ObjectSession, "GBDUN", "S1", "")},
			map[int][]ingest.Identity{0: {id(ingest.ObjectSession, "GBPKC", "S1", "")}}, "", 1, "session S1 of"},
		{"a uid of two eMSPs", dundeeToken, "tokens", []ingest.Identity{id(ingest.ObjectToken, "NLEXW", "K1", "RFID")},
			map[int][]ingest.Identity{0: {id(ingest.ObjectToken, "DEBOT", "K1", "RFID")}}, "", 1, "token K1 of NL*EXW and DE*BOT"},
		{"a uid of two types", dundeeToken, "tokens", []ingest.Identity{id(ingest.ObjectToken, "NLEXW", "K1", "OTHER"), id(ingest.ObjectToken, "NLEXW", "K1", "RFID")},
			map[int][]ingest.Identity{0: {id(ingest.ObjectToken, "NLEXW", "K1", "RFID")}, 1: {id(ingest.ObjectToken, "NLEXW", "K1", "OTHER")}}, "1", 0, "NL*EXW*K1 RFID"},
		{"its own Tariff before that for all", exwToken, "tariffs", []ingest.Identity{id(ingest.ObjectTariff, "GBDUN", "T1", ""), id(ingest.ObjectTariff, "GBDUN", "T1", "NL*EXW")},
			map[int][]ingest.Identity{0: {id(ingest.ObjectTariff, "GBDUN", "T1", "NL*EXW")}, 1: {id(ingest.ObjectTariff, "GBDUN", "T1", "")}}, "1", 0, "GB*DUN*T1 NL*EXW"},
		{"to their owner that for all before one for another", both, "tariffs", []ingest.Identity{id(ingest.ObjectTariff, "DEBOT", "T1", ""), id(ingest.ObjectTariff, "DEBOT", "T1", "NL*EXW")},
			map[int][]ingest.Identity{0: {id(ingest.ObjectTariff, "DEBOT", "T1", "NL*EXW")}, 1: {id(ingest.ObjectTariff, "DEBOT", "T1", "")}}, "0", 0, "DE*BOT*T1"},
		{"Tariffs for two others", both, "tariffs", []ingest.Identity{id(ingest.ObjectTariff, "DEBOT", "T1", "NL*EXW"), id(ingest.ObjectTariff, "DEBOT", "T1", "NL*TNM")},
			map[int][]ingest.Identity{0: {id(ingest.ObjectTariff, "DEBOT", "T1", "NL*TNM")}, 1: {id(ingest.ObjectTariff, "DEBOT", "T1", "NL*EXW")}}, "", 2, "for NL*EXW and NL*TNM"},
		{"another owner's beside its own", exwToken, "tariffs", []ingest.Identity{id(ingest.ObjectTariff, "GBDUN", "T1", "NL*EXW")},
			map[int][]ingest.Identity{0: {id(ingest.ObjectTariff, "GBDUN", "T1", ""), id(ingest.ObjectTariff, "GBPKC", "T1", "")}}, "", 1, "GB*PKC"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := settlement.OCPIPage{Identities: tt.page, Others: make([][]ingest.Identity, len(tt.page)), Total: 7}
			for i, id := range tt.page {
				p.Bodies, p.Versions = append(p.Bodies, fmt.Append(nil, i)), append(p.Versions, ocpi.V211)
				p.Owners, p.Others[i] = append(p.Owners, id.Key.Party), tt.others[i]
			}
			b, tally := &backend{page: p}, &ingest.Tally{}
			h := serve(t, b, func(d *Deps) { d.Tally = tally })
			side := map[string]struct{ tree, id string }{exwToken: {treeCPO, "nl-exw-emsp"}, both: {treeCPO, "de-bot-cpo"}, dundeeToken: {treeEMSP, "gb-dun-cpo"}}[tt.token]
			const from = "?date_from=2019-01-01T00:00:00Z"
			resp, e := request(t, h, "GET", "/ocpi/"+side.tree+"/2.1.1/"+tt.list+from, tt.token, "")
			want := "[" + strings.ReplaceAll(tt.want, " ", ",") + "]"
			if resp.StatusCode != 200 || e.StatusCode != 1000 || string(e.Data) != want || resp.Header.Get("X-Total-Count") != "7" || !strings.Contains(e.StatusMessage, tt.says) {
				t.Errorf("HTTP %d with %d %q: %s, want %s", resp.StatusCode, e.StatusCode, e.StatusMessage, e.Data, want)
			}
			found := tally.With(side.id, nil)
			if i := slices.IndexFunc(found, func(f ingest.Found) bool { return f.Code == "shared_id" }); (i >= 0) != (tt.shared > 0) || i >= 0 && (found[i].Count != tt.shared || !strings.Contains(found[i].Detail, tt.says)) {
				t.Errorf("found %+v, want %d", found, tt.shared)
			}
			request(t, h, "GET", "/ocpi/2.2.1/sender/"+tt.list+from, tt.token, "")
			asked := make([]bool, 0, 2)
			for _, q := range b.lists {
				asked = append(asked, q.ByID)
			}
			for _, q := range b.of {
				asked = append(asked, q.ByID)
			}
			if !slices.Equal(asked, []bool{true, false}) {
				t.Errorf("the store is asked for what has the same id: %t; want it in 2.1.1 alone", asked)
			}
		})
	}
}
