package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roamclear/roamclear/api/admin"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// pushable is an object of the specification or of the public cases.
type pushable struct {
	name    string
	version ocpi.Version
	kind    ingest.Object
	body    string
	owner   ocpi.Party
}

// url is where it is pushed to.
func (p *pushable) url() (method, path string) {
	base := "/ocpi/" + p.version.String() + "/receiver/"
	if p.version == ocpi.V211 {
		base = "/ocpi/emsp/2.1.1/"
	}
	if p.kind == ingest.ObjectCDR {
		return http.MethodPost, base + "cdrs"
	}
	id := ocpi.Text([]byte(p.body), "id")
	return http.MethodPut, base + p.kind.String() + "s/" + p.owner.Country + "/" + p.owner.ID + "/" + url.PathEscape(id)
}

func pushables(t *testing.T) (list []pushable, cpos, emsps []ocpi.Party) {
	t.Helper()
	add := func(parties []ocpi.Party, p ocpi.Party) []ocpi.Party {
		if p.ID == "" || slices.Contains(parties, p) {
			return parties
		}
		return append(parties, p)
	}
	read := func(pattern string, version ocpi.Version) {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			name := filepath.Base(file)
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			kind, ok := ingest.KindOf(body)
			if !ok || name == "steps.json" || strings.Contains(name, "patch") || strings.Contains(name, "token") || ocpi.Text(body, "id") == "" {
				continue
			}
			p := pushable{filepath.Base(filepath.Dir(file)) + "/" + name, version, kind, string(body), ocpi.NewParty(ocpi.Text(body, "country_code"), ocpi.Text(body, "party_id"))}
			if version == ocpi.V211 || p.owner.ID == "" {
				p.owner = ocpi.NewParty("BE", "BEC")
			}
			var cdr struct {
				Token struct {
					Country string `json:"country_code"`
					Party   string `json:"party_id"`
				} `json:"cdr_token"`
			}
			_ = json.Unmarshal(body, &cdr)
			list, cpos, emsps = append(list, p), add(cpos, p.owner), add(emsps, ocpi.NewParty(cdr.Token.Country, cdr.Token.Party))
		}
	}
	for _, v := range []ocpi.Version{ocpi.V211, ocpi.V221, ocpi.V230} {
		read("../../ocpi/testdata/spec/"+v.String()+"/*.json", v)
	}
	read("testdata/cases/*/*.json", ocpi.V221)
	return list, cpos, emsps
}

// checked is what a check answers.
type checked struct {
	ID       string
	Accepted bool
	Answer   struct {
		HTTP    int    `json:"http_status"`
		Status  int    `json:"status_code"`
		Message string `json:"status_message"`
	}
	Counted []ocpi.Finding
	Price   *checkedPrice
}

// checkedPrice is what a CDR comes to, as a check and its page in the API have it.
type checkedPrice struct {
	Result      map[string]any
	Explanation any
	Text        any `json:"explanation_text"`
	Findings    []ocpi.Finding
}

// timeless leaves out when the CDR came.
func (p *checkedPrice) timeless() {
	for i := range p.Findings {
		p.Findings[i].Detail, _, _ = strings.Cut(p.Findings[i].Detail, ", the CDR came at ")
	}
}

// check asks what would become of an object.
func (s *testService) check(authorization string, p *pushable) (c checked) {
	s.t.Helper()
	q := url.Values{"kind": {p.kind.String()}}
	if p.version == ocpi.V211 {
		q.Set("party", p.owner.String())
	}
	a := s.request(http.MethodPost, "/api/v1/check?"+q.Encode(), authorization, p.body, "OCPI-Version", p.version.String())
	if err := json.Unmarshal([]byte(a.body), &c); a.status != http.StatusOK || err != nil {
		s.t.Fatalf("check %s: HTTP %d %v %s", p.name, a.status, err, a.body)
	}
	if c.Price != nil {
		c.Price.timeless()
	}
	return c
}

// has waits until the store has a CDR.
func (s *testService) has(path string) {
	s.t.Helper()
	s.eventually(path+" is stored", func() bool {
		return s.request(http.MethodGet, "/api/v1"+path, "Bearer "+s.key, "").status == http.StatusOK
	})
}

// What a check says is what the push is then answered, to the word, and what is stored of a
// CDR is the price that it was told: of all objects of the specification and of the public
// cases, by a key and by the partner itself. Of asking nothing is kept.
func TestCheckIsThePush(t *testing.T) {
	ts := startTest(t, t.TempDir())
	ts.financeKey()
	list, cpos, emsps := pushables(t)
	for _, p := range emsps {
		ts.partner("EMSP", p.Country, p.ID)
	}
	for _, p := range cpos { // the token of one that is both is the CPO's
		ts.partner("CPO", p.Country, p.ID)
	}
	for _, p := range slices.Clone(list) { // what is refused is told too
		if p.kind == ingest.ObjectCDR && strings.HasPrefix(p.name, "2.") {
			list = append(list, pushable{p.name + " without an id", p.version, p.kind, strings.Replace(p.body, `"id"`, `"di"`, 1), p.owner},
				pushable{p.name + " cut off", p.version, p.kind, p.body[:len(p.body)/2], p.owner})
		}
	}
	cdrs := 0
	for _, p := range list {
		method, path := p.url()
		byKey, byToken := ts.check("Bearer "+ts.key, &p), ts.check("Token "+ts.tokens[p.owner.String()], &p)
		if diff := cmp.Diff(byKey, byToken); diff != "" {
			t.Errorf("%s: -by key +by token\n%s", p.name, diff)
		}
		a := ts.request(method, path, "Token "+ts.tokens[p.owner.String()], p.body)
		if message := a.ocpi.Message; a.status != byKey.Answer.HTTP || a.ocpi.Code != byKey.Answer.Status || message != byKey.Answer.Message {
			t.Errorf("%s: the check says %+v, the push HTTP %d %d %s", p.name, byKey.Answer, a.status, a.ocpi.Code, message)
		}
		before := slices.ContainsFunc(byKey.Counted, func(f ocpi.Finding) bool {
			return f.Code == ingest.RepeatedCDR.Code || f.Code == ingest.ChangedCDR.Code
		})
		if p.kind == ingest.ObjectCDR && byKey.Accepted && !before {
			cdrs++
			ts.pricedAs(&p, byKey.Price)
		}
	}
	if len(list) < 100 || cdrs < 12 {
		t.Errorf("%d objects and %d CDRs prove little", len(list), cdrs)
	}
}

// pricedAs waits until the store has a CDR, and holds its price against what was told.
func (s *testService) pricedAs(p *pushable, told *checkedPrice) {
	s.t.Helper()
	path := "/cdrs/" + p.owner.Country + "/" + p.owner.ID + "/" + url.PathEscape(ocpi.Text([]byte(p.body), "id"))
	s.has(path)
	var stored checkedPrice
	s.finance(path, &stored)
	stored.timeless()
	stored.Findings = slices.DeleteFunc(stored.Findings, func(f ocpi.Finding) bool { return slices.Contains(betweenCDRs, f.Code) })
	for _, one := range []*checkedPrice{&stored, told} {
		delete(one.Result, "narrowed") // by other CDRs
	}
	if diff := cmp.Diff(&stored, told); diff != "" {
		s.t.Errorf("%s: -stored +told\n%s", p.name, diff)
	}
}

// betweenCDRs are findings about how CDRs stand to each other.
var betweenCDRs = []string{"credit_excess", "credit_mismatch", "credit_orphan", "credit_undecided", "credited", "session_billed_twice"}

// A policy refuses what the check said that it would, and a copy with another content is
// told as one.
func TestCheckKnowsPoliciesAndCopies(t *testing.T) {
	ts := startTest(t, t.TempDir())
	ts.financeKey()
	ts.partner("CPO", "BE", "BEC")
	ts.partner("EMSP", "DE", "TNM")
	body, err := os.ReadFile("../../ocpi/testdata/spec/2.2.1/cdr_example.json")
	if err != nil {
		t.Fatal(err)
	}
	p := pushable{"the specification's CDR", ocpi.V221, ingest.ObjectCDR, string(body), ocpi.NewParty("BE", "BEC")}
	same := func(want string) {
		t.Helper()
		told := ts.check("Bearer "+ts.key, &p)
		a := ts.as("BE*BEC", http.MethodPost, "/receiver/cdrs", p.body)
		if a.status != told.Answer.HTTP || a.ocpi.Code != told.Answer.Status || a.ocpi.Message != told.Answer.Message || !strings.Contains(a.ocpi.Message, want) {
			t.Errorf("want %q: the check says %+v, the push HTTP %d %d %s", want, told.Answer, a.status, a.ocpi.Code, a.ocpi.Message)
		}
	}
	same("Success")
	ts.has("/cdrs/BE/BEC/12345")
	p.body = strings.Replace(p.body, `"total_energy": 15.342`, `"total_energy": 16`, 1)
	same("a copy of this CDR with other content came before and counts")
	client, err := (&serviceFlags{data: ts.data}).client()
	if err != nil {
		t.Fatal(err)
	}
	var partner admin.Partner
	if err := client.do(t.Context(), http.MethodPut, "/partners/be-bec-cpo/policies/energy_does_not_add_up", admin.PolicyRequest{Policy: "refuse"}, &partner); err != nil {
		t.Fatal(err)
	}
	p.body = strings.Replace(p.body, `"id": "12345"`, `"id": "12346"`, 1)
	same("energy_does_not_add_up, which is refused by agreement")

	// The command asks the service where it is told to, and stores nothing either.
	file := filepath.Join(t.TempDir(), "cdr.json")
	write(t, file, p.body)
	says := commandsOn(t, ts.data)
	says("check "+file, 1, "cdr BE*BEC 12346, OCPI 2.2.1", "Refused, by agreement with be-bec-cpo: HTTP 200, OCPI 2001", "Price, for DE*TNM, booked in 2015-06")
	says("check --format json "+file, 1, `"partner": "be-bec-cpo"`, `"refused_by_policy": true`)
	says("check --tariff x.json "+file, exitUsage, "a service goes by what it knows")
	if a := ts.request(http.MethodGet, "/api/v1/cdrs/BE/BEC/12346", "Bearer "+ts.key, ""); a.status != http.StatusNotFound {
		t.Errorf("what was checked is here: HTTP %d", a.status)
	}
}

// Alone the command knows what it is given.
func TestCheckCommand(t *testing.T) {
	t.Setenv(urlVariable, "")
	const spec = "../../ocpi/testdata/spec/"
	for name, c := range map[string]struct {
		stdin string
		args  []string
	}{
		"cdr":           {args: []string{spec + "2.2.1/cdr_example.json"}},
		"json":          {args: []string{"--format", "json", spec + "2.2.1/cdr_example.json"}},
		"cdr_211":       {args: []string{"--ocpi", "2.1.1", "--party", "BE*BEC", spec + "2.1.1/cdr_example.json"}},
		"no_zone":       {args: []string{"--tariff", nightTariff, nightCDR}},
		"zone":          {args: []string{"--tariff", nightTariff, "--time-zone", "Europe/Madrid", nightCDR}},
		"no_tariff":     {args: []string{"--time-zone", "Europe/Madrid", nightCDR}},
		"profile":       {args: []string{"--profile", "STEP_NONE", spec + "2.2.1/cdr_example.json"}},
		"several":       {args: []string{spec + "2.2.1/location_example.json", spec + "2.2.1/session_example_1_simple_start.json", spec + "2.2.1/tariff_1_simple_2hour.json"}},
		"array":         {stdin: `[{"kwh":1},{"elements":[]}]`, args: []string{"-"}},
		"no_json":       {stdin: `{"id":`, args: []string{"-"}},
		"unknown_kind":  {stdin: `{"id":"1"}`, args: []string{"-"}},
		"kind":          {stdin: `{"id":"1"}`, args: []string{"--kind", "location", "-"}},
		"no_file":       {args: []string{"testdata/price/missing.json", spec + "2.2.1/location_example.json"}},
		"no_arguments":  {args: []string{}},
		"bad_kind":      {args: []string{"--kind", "token", nightCDR}},
		"bad_version":   {args: []string{"--ocpi", "3.0", nightCDR}},
		"bad_party":     {args: []string{"--party", "TNM", nightCDR}},
		"bad_zone":      {args: []string{"--time-zone", "Mars/Olympus", nightCDR}},
		"bad_profile":   {args: []string{"--profile", "STEP_TWICE", nightCDR}},
		"bad_tariff":    {args: []string{"--tariff", nightCDR, nightCDR}},
		"missing_ditto": {args: []string{"--tariff", "testdata/price/missing.json", nightCDR}},
	} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, code := runCommand(t, newCheckCmd(), c.stdin, c.args...)
			checkGolden(t, "check/"+name, stdout, stderr, code)
		})
	}
}
