package admin

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/shopspring/decimal"
)

const addEMP = `{"name":"EMP","roles":[{"role":"emsp","country_code":"de","party_id":"emp"}]}`

func text(s string) *string { return &s }

func TestAdminAgreements(t *testing.T) {
	a := newAdmin(t)
	a.do("POST", "/partners", addDundee, 201, nil)
	a.do("POST", "/partners", addEMP, 201, nil)
	var set rest.SettingList
	a.do("POST", "/agreements", `{"cpo":"gb/dun","emsp":"DE*EMP","from":"2026-01","values":{"tax.rate":"21.00","tax.category":"standard","owed":null}}`, 201, &set, "Idempotency-Key", "a-1")
	pair := [2]*string{text("GB*DUN"), text("DE*EMP")}
	for i, want := range []struct {
		key   string
		value *string
	}{{"owed", nil}, {"tax.category", text("standard")}, {"tax.rate", text("21")}} {
		got := set.Settings[i]
		if diff := cmp.Diff(pair, [2]*string{got.CPO, got.EMSP}); diff != "" || got.Key != want.key || cmp.Diff(want.value, got.Value) != "" || got.From != "2026-01" || got.By != "local" || got.Record != 2 {
			t.Errorf("set %+v, want %+v", got, want)
		}
	}
	a.do("POST", "/agreements", `{"from":"2026-01","values":{"owed":"lower"}}`, 409, nil, "Idempotency-Key", "a-1") // a repeat

	var terms rest.Terms
	a.do("GET", "/agreements/terms?cpo=GB*DUN&emsp=DE*EMP&at=2026-02", "", 200, &terms)
	got := map[string]string{}
	for _, v := range terms.Values {
		if v.Scope != "default" {
			got[v.Key] = *v.Value + " of the " + v.Scope + " from " + *v.From
		}
	}
	if diff := cmp.Diff(map[string]string{"tax.category": "standard of the pair from 2026-01", "tax.rate": "21 of the pair from 2026-01"}, got); diff != "" {
		t.Error(diff)
	}

	a.do("POST", "/agreements", `{"cpo":"gb/dun","emsp":"DE*EMP","from":"2026-01","values":{"owed":"computed"}}`, 201, nil)
	for path, want := range map[string]int{"/agreements": 3, "/agreements?history=true": 4, "/agreements?cpo=GB*DUN": 3} {
		var list rest.SettingList
		a.do("GET", path, "", 200, &list)
		if len(list.Settings) != want {
			t.Errorf("%s lists %d settings, want %d", path, len(list.Settings), want)
		}
	}
}

// Of parties that there are not nothing is shown, rather than that they agreed on
// nothing; of which nothing was said, that.
func TestAdminShowsKnownPartiesAlone(t *testing.T) {
	a := newAdmin(t)
	a.do("POST", "/partners", addDundee, 201, nil)
	for path, status := range map[string]int{
		"/agreements?cpo=GB*DUN": 200, "/agreements?cpo=NL*TNM": 400, "/agreements?emsp=GB*DUN": 400,
		"/agreements/terms?at=2026-01&cpo=GB*DUN": 200, "/agreements/terms?at=2026-01&cpo=GB*NOT": 400, "/agreements/terms?at=2026-01&emsp=GB*DUN": 400,
		"/parties/GB/DUN?at=2026-01": 200, "/parties/GB/NOT?at=2026-01": 400,
	} {
		a.do("GET", path, "", status, nil)
	}
}

// What is wrong is named, with what there is.
func TestAdminAgreementsNameWhatIsWrong(t *testing.T) {
	a := newAdmin(t)
	a.do("POST", "/partners", addDundee, 201, nil)
	a.do("POST", "/partners", addEMP, 201, nil)
	a.do("POST", "/periods", `{"month":"2025-12"}`, 201, nil)
	for _, tc := range []struct {
		path, body string
		status     int
		field      string
		want       string
	}{
		{"/agreements", `{"cpo":"GB*NOT","from":"2026-01","values":{"owed":"lower"}}`, 400, "cpo", `"GB*NOT": no partner has this party; add the partner first; known are DE*EMP, GB*DUN`},
		{"/agreements", `{"cpo":"DE*EMP","from":"2026-01","values":{"owed":"lower"}}`, 400, "cpo", `"DE*EMP": DE*EMP is no CPO, and never was`},
		{"/agreements", `{"emsp":"GB*DUN","from":"2026-01","values":{"owed":"lower"}}`, 400, "emsp", "is no EMSP"},
		{"/agreements", `{"cpo":"DUN","from":"2026-01","values":{"owed":"lower"}}`, 400, "cpo", "want country and party id"},
		{"/agreements", `{"from":"January","values":{"owed":"lower"}}`, 400, "from", `"January" is not a month`},
		{"/agreements", `{"values":{"owed":"lower"}}`, 400, "from", "is not a month"},
		{"/agreements", `{"from":"2026-01"}`, 422, "", "values: 0 of them"},
		{"/agreements", `{"from":"2026-01","values":{"pack":"lenient"}}`, 400, "values.pack", `pack: "lenient": want one of observe, strict`},
		{"/agreements", `{"from":"2025-12","values":{"pack":"strict"}}`, 409, "", "the house is closed through 2025-12: from 2026-01 on"},
		{"/periods/begins", `{"cpo":"GB*NOT","month":"2026-01"}`, 400, "cpo", "no partner has this party"},
		{"/periods/begins", `{"month":"2026"}`, 400, "month", "is not a month"},
		{"/periods/begins", `{"month":"2025-12"}`, 409, "", "2025-12 is closed"},
		{"/parties", `{"party":"GB*NOT","from":"2026-01","values":{"name":"x"}}`, 400, "party", "no partner has this party"},
		{"/parties", `{"party":"GB*DUN","from":"2026-01","values":{"addressee":"GB*NOT"}}`, 400, "values.addressee", "no partner has this party"},
		{"/parties", `{"party":"GB*DUN","from":"2026-01","values":{"vat_id":"?"}}`, 400, "values.vat_id", "want 2 to 20"},
	} {
		var failure struct{ Error rest.Error }
		a.do("POST", tc.path, tc.body, tc.status, &failure)
		if failure.Error.Field != tc.field || !strings.Contains(failure.Error.Message, tc.want) {
			t.Errorf("%s %s: %+v, want %q of %q", tc.path, tc.body, failure.Error, tc.want, tc.field)
		}
	}
}

// The roles of a partner that is gone can still be agreed for: its CDRs are here.
func TestAdminAgreesForWhoWasHere(t *testing.T) {
	a := newAdmin(t)
	a.do("POST", "/partners", addDundee, 201, nil)
	a.do("DELETE", "/partners/gb-dun-cpo", "", 204, nil)
	a.do("POST", "/agreements", `{"cpo":"GB*DUN","from":"2026-01","values":{"owed":"lower"}}`, 201, nil)
	if got := a.deps.Agreements.Settings(clearing.Scope{CPO: ocpi.NewParty("GB", "DUN")}); len(got) != 1 {
		t.Errorf("settings: %+v", got)
	}
}

func TestAdminPartiesAndBegins(t *testing.T) {
	a := newAdmin(t)
	a.do("POST", "/partners", addDundee, 201, nil)
	a.do("POST", "/parties", `{"party":"GB/DUN","from":"2026-01","values":{"name":"Dundee City Council","address":"City Square\nDundee","vat_id":"GB 123"}}`, 201, nil)
	a.do("POST", "/parties", `{"party":"GB/DUN","from":"2026-02","values":{"vat_id":null}}`, 201, nil)
	var names rest.PartyNames
	a.do("GET", "/parties/gb/dun?at=2026-01", "", 200, &names)
	want := rest.PartyNames{Party: "GB*DUN", At: "2026-01", Name: text("Dundee City Council"), Address: text("City Square\nDundee"), VATID: text("GB123"), Addressee: "GB*DUN"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	names = rest.PartyNames{}
	a.do("GET", "/parties/gb/dun?at=2026-02", "", 200, &names)
	if names.VATID != nil {
		t.Errorf("the VAT id is %s, though withdrawn", *names.VATID)
	}

	var list PeriodsBegun
	a.do("POST", "/periods/begins", `{"cpo":"GB/DUN","month":"2026-03"}`, 201, &list)
	if b := list.Begun; len(b) != 1 || b[0].CPO != "GB*DUN" || b[0].EMSP != "" || b[0].Month != 202603 || b[0].By != "local" {
		t.Errorf("begun: %+v", b)
	}
	if e := list.Elsewhere; len(e) != 1 || e[0].Currency != "EUR" || e[0].Count != 2 || e[0].Claimed != "11" {
		t.Errorf("elsewhere: %+v", e)
	}
	// What is issued may have left something to the next statement.
	a.drafts.issued = []rest.Issued{{Issue: statement.Issue{CPO: ocpi.NewParty("GB", "DUN"), EMSP: ocpi.NewParty("DE", "EMP"), Period: 202603}}}
	var failure struct{ Error rest.Error }
	a.do("POST", "/periods/begins", `{"cpo":"GB/DUN","month":"2026-05"}`, 409, &failure)
	if want := "GB*DUN → DE*EMP has statements here, one of 2026-03"; !strings.Contains(failure.Error.Message, want) {
		t.Errorf("begun later: %q, want %q", failure.Error.Message, want)
	}
	list = PeriodsBegun{}
	a.do("POST", "/periods/begins", `{"cpo":"GB/DUN","month":"2026-02"}`, 201, &list) // put right
	if len(list.Elsewhere) > 0 || list.Begun[0].Month != 202602 {
		t.Errorf("put right: %+v", list)
	}
}

// openDrafts have two CDRs of January 2026 open, one that is issued already, and one of May.
type openDrafts struct {
	rest.Drafts
	issued []rest.Issued
}

func (d *openDrafts) Draw(_ context.Context, _ statement.Query, fn func(*statement.Draft) error) error {
	draft := &statement.Draft{Statement: statement.Statement{Currency: "EUR"}}
	for i, belongs := range []ocpi.Month{202601, 202601, 202601, 202605} {
		c := &statement.Charge{Case: &clearing.Case{}, Belongs: belongs}
		if i == 2 {
			c.Issued = &clearing.Issued{Period: 202601}
		}
		draft.Settled = append(draft.Settled, statement.Settled{Charge: c, Outcome: clearing.Outcome{Claim: decimal.New(int64(5+i), 0)}})
	}
	return fn(draft)
}

func (d *openDrafts) Issues(_ context.Context, _ statement.IssueQuery, fn func(*rest.Issued) error) error {
	for i := range d.issued {
		if err := fn(&d.issued[i]); err != nil {
			return err
		}
	}
	return nil
}
