package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/api/rest"
)

// A tariff is pushed, CDRs are priced, it becomes dearer by 0.02 a kWh, CDRs are priced: the
// radar says it, with money that is exact. It tells a change that came late and one
// that says it is none, a tariff for one eMSP from that for everybody, and what CDRs
// carry from what was pushed.
func TestTariffRadar(t *testing.T) {
	s := startTest(t, t.TempDir())
	s.partner("CPO", "GB", "DUN")
	s.partner("EMSP", "NL", "EXW")
	s.partner("EMSP", "NL", "TNM")
	s.financeKey()
	s.accepted("GB*DUN", "PUT", "/receiver/locations/GB/DUN/L1", testLocation)
	version := func(price, updated string) string {
		return strings.NewReplacer(`"price":0.25`, `"price":`+price, "2019-01-01T00:00:00Z", updated).Replace(testTariff)
	}
	charge := func(id, emsp, day, carried string) {
		body := strings.ReplaceAll(testCDR(id, emsp, "T1", "7.00", "8.40"), "2019-01-05", day)
		if carried != "" {
			body = strings.Replace(body, `"total_energy":20`, `"tariffs":[`+carried+`],"total_energy":20`, 1)
		}
		s.accepted("GB*DUN", "POST", "/receiver/cdrs", body)
	}
	const path = "/receiver/tariffs/GB/DUN/T1"
	s.accepted("GB*DUN", "PUT", path, version("0.25", "2019-01-01T00:00:00Z"))
	charge("before-1", "EXW", "2019-01-05", "")
	s.accepted("GB*DUN", "PUT", path, version("0.27", "2019-01-10T00:00:00Z"))
	for i := range 3 {
		charge(fmt.Sprintf("dearer-%d", i), "EXW", "2019-01-12", "")
	}
	charge("dearer-tnm", "TNM", "2019-01-12", "")
	// Carried as it was pushed but for its owner: the same tariff. Then at a price of its own.
	charge("carried-same", "EXW", "2019-01-13", strings.NewReplacer(`"country_code":"GB","party_id":"DUN",`, "").Replace(version("0.27", "2019-01-10T00:00:00Z")))
	charge("carried-other", "EXW", "2019-01-14", version("0.40", "2019-01-10T00:00:00Z"))
	s.stored(7)
	// It says of itself that it did not change.
	s.accepted("GB*DUN", "PUT", path, strings.Replace(version("0.27", "2019-01-10T00:00:00Z"), `"vat":20`, `"vat":21`, 1))
	var got rest.TariffChanges
	s.eventually("the last change is told", func() bool {
		s.finance("/tariffs/changes?cpo=GB*DUN&from=2019-01-01&to=2019-01-31", &got)
		return len(got.Changes) == 3
	})
	if len(got.Changes) != 3 || len(got.Carried) != 1 || got.Next != nil {
		t.Fatalf("%d changes and %d carried, want 3 and 1: %+v", len(got.Changes), len(got.Carried), got)
	}
	first, dearer, unsaid, carried := got.Changes[0], got.Changes[1], got.Changes[2], got.Carried[0]
	if first.Act != "published" || first.Money != nil || first.Since != "2019-01-01T00:00:00Z" || first.EVSEs != 1 || first.Connectors != 1 {
		t.Errorf("the first version: %+v", first)
	}
	// Five charges of 20 kWh at 0.02: 0.40 each before 20 % VAT.
	if m := dearer.Money; m == nil || m.CDRs != 5 || m.Priced != 5 || m.Sampled || m.Excl != "2.00" || m.Incl == nil || *m.Incl != "2.40" || m.Currency != "GBP" {
		t.Errorf("the money of a change: %+v", m)
	}
	if len(dearer.Differences) != 1 || dearer.Differences[0].Kind != "price" || *dearer.Differences[0].By != "0.02" || dearer.Origin != "copy" || dearer.LateSeconds == 0 {
		t.Errorf("a change of the price: %+v", dearer)
	}
	const text = "energy +0.02 per kWh (0.25 to 0.27) on 1 EVSE of GB*DUN since 10 January 2019, GBP 2.00 more before tax on 5 CDRs so far"
	if dearer.Text != text {
		t.Errorf("in words: %s", dearer.Text)
	}
	if unsaid.Origin != "unsaid" || len(unsaid.Differences) == 0 || unsaid.Differences[0].Kind != "vat" || unsaid.Money == nil || unsaid.Money.CDRs != 0 {
		t.Errorf("a change that says it is none: %+v", unsaid)
	}
	// 20 kWh at 0.40 instead of 0.27.
	if carried.Act != "carried" || carried.Origin != "cdr" || *carried.Differences[0].By != "0.13" || carried.Money == nil || carried.Money.Excl != "2.60" || carried.Money.CDRs != 1 {
		t.Errorf("what a CDR carries: %+v", carried)
	}

	// One eMSP gets its own.
	own := version("0.30", "2019-01-20T00:00:00Z")
	a := s.request(http.MethodPut, "/ocpi/2.2.1"+path, "Token "+s.tokens["GB*DUN"], own, "OCPI-to-country-code", "NL", "OCPI-to-party-id", "TNM")
	if a.ocpi.Code != 1000 {
		t.Fatalf("a tariff for one eMSP: %s", a.body)
	}
	s.eventually("it is told", func() bool {
		s.finance("/tariffs/changes?cpo=GB*DUN&from=2019-01-15&to=2019-01-31&recipient=NL*TNM", &got)
		return len(got.Changes) == 1
	})
	if c := got.Changes[0]; c.Recipient == nil || *c.Recipient != "NL*TNM" || c.Act != "published" {
		t.Errorf("a tariff for one eMSP: %+v", c)
	}
	// Of one EVSE those that it names.
	s.accepted("GB*DUN", "PUT", "/receiver/locations/GB/DUN/L2", strings.NewReplacer(`"L1"`, `"L2"`, `"T1"`, `"T9"`).Replace(testLocation))
	s.accepted("GB*DUN", "PUT", "/receiver/tariffs/GB/DUN/T9", strings.Replace(version("0.25", "2019-01-02T00:00:00Z"), `"T1"`, `"T9"`, 1))
	s.eventually("changes are told by EVSE", func() bool {
		a := s.request(http.MethodGet, "/api/v1/tariffs/changes?cpo=GB*DUN&from=2019-01-01&to=2019-01-31&location=l2&evse=e1", "Bearer "+s.key, "")
		return a.status == http.StatusOK && strings.Count(a.body, `"tariff":"T9"`) == 1 && !strings.Contains(a.body, `"tariff":"T1"`)
	})
	s.finance("/tariffs/changes?cpo=GB*DUN&from=2019-01-01&to=2019-01-31&location=L1", &got)
	if len(got.Changes) != 4 || len(got.Carried) != 1 {
		t.Errorf("of L1 %d changes and %d carried", len(got.Changes), len(got.Carried))
	}
	for _, nowhere := range []string{"location=L3", "location=L1&evse=E9"} {
		if a := s.request(http.MethodGet, "/api/v1/tariffs/changes?cpo=GB*DUN&from=2019-01-01&to=2019-01-31&"+nowhere, "Bearer "+s.key, ""); a.status != http.StatusNotFound {
			t.Errorf("%s: HTTP %d: %s", nowhere, a.status, a.body)
		}
	}
	// Page by page, the same ones.
	var paged []string
	cursor := ""
	for {
		var page rest.TariffChanges
		s.finance("/tariffs/changes?cpo=GB*DUN&from=2019-01-01&to=2019-01-31&tariff=t1&limit=1"+cursor, &page)
		for _, c := range page.Changes {
			paged = append(paged, c.Since+" "+c.Act)
		}
		if page.Next == nil {
			break
		}
		cursor = "&cursor=" + *page.Next
	}
	if list := strings.Join(paged, ", "); list != "2019-01-01T00:00:00Z published, 2019-01-10T00:00:00Z changed, 2019-01-10T00:00:00Z changed, 2019-01-20T00:00:00Z published" {
		t.Errorf("page by page: %s", list)
	}
	// Withdrawn, it stands at its withdrawal, which came today.
	s.accepted("GB*DUN", "DELETE", path, "")
	s.eventually("the withdrawal is told", func() bool {
		out, _, code := runCommand(t, newTariffsCmd(), "", "changes", "--cpo", "GB*DUN", "--from", "2019-01-01", "--to", "2019-12-31", "--limit", "3", "--data", s.data)
		return code == 0 && strings.Contains(out, text) && strings.Contains(out, "There are more: --cursor ")
	})
	for _, tt := range []struct{ query, says string }{
		{"from=2019-01-01&to=2019-01-31", "required: a party such as NL*TNM"},
		{"cpo=GB*DUN&from=2019-01-31&to=2019-01-01", "is before from"},
		{"cpo=GB*DUN&from=2018-01-01&to=2019-12-31", "more than 366 days"},
		{"cpo=GB*DUN&from=2018-01-01&to=2018-12-31&cursor=x", "cursor"}, {"cpo=GB*DUN&from=2018-01-01&to=2018-12-31&evse=E1", "name that too"},
	} {
		if a := s.request(http.MethodGet, "/api/v1/tariffs/changes?"+tt.query, "Bearer "+s.key, ""); a.status != http.StatusBadRequest || !strings.Contains(a.body, tt.says) {
			t.Errorf("%s: HTTP %d: %s", tt.query, a.status, a.body)
		}
	}
}
