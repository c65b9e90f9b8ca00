package clearing_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/control/controltest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
	"pgregory.net/rapid"
)

// desk is the domains of this package on a log, with a clock that can be set.
type desk struct {
	*control.Machine
	closes     *clearing.Closes
	agreements *clearing.Agreements
	parties    *clearing.Parties
	decided    *clearing.Decisions
	partners   *control.Partners
	now        *ocpi.Time
}

// openDesk registers the domains; nothing is folded until the machine runs.
func openDesk(t testing.TB, log *ingesttest.Log) desk {
	t.Helper()
	now := at(t, "2026-06-15T12:00:00Z")
	m, err := control.Open(t.Context(), log, control.Options{Now: func() ocpi.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	d := desk{Machine: m, closes: clearing.NewCloses(m), parties: clearing.NewParties(m), partners: control.NewPartners(m), now: &now}
	d.agreements, d.decided = clearing.NewAgreements(m, d.closes), clearing.NewDecisions(m, d.closes)
	clearing.NewRepricings(m)
	return d
}

func newDesk(t testing.TB, log *ingesttest.Log) desk {
	t.Helper()
	d := openDesk(t, log)
	controltest.Run(t, d.Machine)
	if err := d.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

func at(t testing.TB, text string) ocpi.Time {
	t.Helper()
	when, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return ocpi.TimeOf(when)
}

// scope reads "NL*TNM DE*EMP", "NL*TNM -", "- DE*EMP" or "house".
func scope(t testing.TB, text string) (s clearing.Scope) {
	t.Helper()
	if text == "house" {
		return s
	}
	cpo, emsp, ok := strings.Cut(text, " ")
	if !ok {
		t.Fatalf("scope %q: want two words", text)
	}
	s.CPO, _ = ocpi.ParseParty(cpo)
	s.EMSP, _ = ocpi.ParseParty(emsp)
	return s
}

func pairOf(t testing.TB, text string) control.Pair { return control.Pair(scope(t, text)) }

func month(t testing.TB, text string) ocpi.Month {
	t.Helper()
	m, err := ocpi.ParseMonth(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// values reads "owed=lower zone=UTC pack=": the last one is withdrawn.
func values(text string) map[string]string {
	list := map[string]string{}
	for _, one := range strings.Fields(text) {
		key, value, _ := strings.Cut(one, "=")
		list[key] = value
	}
	return list
}

// agree agrees, or says why not.
func (d desk) agree(t testing.TB, of, from, set string) error {
	t.Helper()
	_, _, err := d.agreements.Set(t.Context(), "", clearing.NewAgreement{Scope: scope(t, of), From: month(t, from), Values: values(set), By: clearing.ByLocal})
	return err
}

func (d desk) mustAgree(t testing.TB, of, from, set string) {
	t.Helper()
	if err := d.agree(t, of, from, set); err != nil {
		t.Fatalf("%s from %s, %s: %v", of, from, set, err)
	}
}

// terms are written as in "owed=lower(pair)": what is not said is as it is built in.
func (d desk) terms(t testing.TB, of, period string) string {
	t.Helper()
	var said []string
	for _, s := range d.agreements.Sources(scope(t, of), month(t, period), math.MaxInt64) {
		if s.Level != clearing.LevelDefault {
			said = append(said, fmt.Sprintf("%s=%s(%s)", s.Key, s.Value, s.Level))
		}
	}
	return strings.Join(said, " ")
}

// What a pair settles by: the first of pair, CPO, eMSP, house that says something, key
// by key; in each of them what was last to begin.
func TestWhoSaysWhatHolds(t *testing.T) {
	d := newDesk(t, ingesttest.NewLog(1))
	for _, s := range []struct{ scope, from, set string }{
		{"house", "2026-01", "owed=lower pack=strict days_to_pay=30"},
		{"- DE*EMP", "2026-01", "owed=computed tax.category=reverse_charge"},
		{"NL*TNM -", "2026-01", "zone=Europe/Amsterdam tax.category=standard tax.rate=21"},
		{"NL*TNM -", "2026-04", "tax.category=exempt"},
		{"NL*TNM DE*EMP", "2026-02", "owed=claimed"},
		{"NL*TNM DE*EMP", "2026-04", "owed="},                                // from April on what others say
		{"NL*TNM DE*EMP", "2026-03", "pack=hubject"},                         // said after, begins before
		{"NL*TNM DE*EMP", "2026-03", "pack=eviolin"},                         // of two for March the later record
		{"NL*TNM DE*BIG", "2026-05", "tax.category=standard tax.rate=19.50"}, // its own rate
		{"NL*TNM DE*BIG", "2026-06", "tax.category="},                        // takes the rate with it
		{"GB*DUN FR*PAR", "2026-01", "rule.age.max_days=60 rule.age.effect=hold number_prefix=DUN/"},
		{"GB*DUN -", "2026-01", "rule.age.max_days=30 rule.energy.effect=reject"},
	} {
		d.mustAgree(t, s.scope, s.from, s.set)
	}
	for _, tc := range []struct{ pair, period, want string }{
		{"NL*TNM DE*EMP", "2025-12", ""},
		{"NL*TNM DE*EMP", "2026-01", "owed=computed(emsp) zone=Europe/Amsterdam(cpo) pack=strict(house) tax.category=standard(cpo) tax.rate=21(cpo) days_to_pay=30(house)"},
		{"NL*TNM DE*EMP", "2026-02", "owed=claimed(pair) zone=Europe/Amsterdam(cpo) pack=strict(house) tax.category=standard(cpo) tax.rate=21(cpo) days_to_pay=30(house)"},
		{"NL*TNM DE*EMP", "2026-03", "owed=claimed(pair) zone=Europe/Amsterdam(cpo) pack=eviolin(pair) tax.category=standard(cpo) tax.rate=21(cpo) days_to_pay=30(house)"},
		{"NL*TNM DE*EMP", "2026-04", "owed=computed(emsp) zone=Europe/Amsterdam(cpo) pack=eviolin(pair) tax.category=exempt(cpo) days_to_pay=30(house)"},
		{"NL*TNM DE*BIG", "2026-03", "owed=lower(house) zone=Europe/Amsterdam(cpo) pack=strict(house) tax.category=standard(cpo) tax.rate=21(cpo) days_to_pay=30(house)"},
		{"NL*TNM DE*BIG", "2026-05", "owed=lower(house) zone=Europe/Amsterdam(cpo) pack=strict(house) tax.category=standard(pair) tax.rate=19.5(pair) days_to_pay=30(house)"},
		{"NL*TNM DE*BIG", "2026-06", "owed=lower(house) zone=Europe/Amsterdam(cpo) pack=strict(house) tax.category=exempt(cpo) days_to_pay=30(house)"},
		{"NL*NEW DE*EMP", "2026-02", "owed=computed(emsp) pack=strict(house) tax.category=reverse_charge(emsp) days_to_pay=30(house)"},
		{"DE*EMP NL*TNM", "2026-02", "owed=lower(house) pack=strict(house) days_to_pay=30(house)"}, // DE*EMP as CPO is another side
		{"GB*DUN FR*PAR", "2026-01", "owed=lower(house) pack=strict(house) rule.age.effect=hold(pair) rule.age.max_days=60(pair) rule.energy.effect=reject(cpo) days_to_pay=30(house) number_prefix=DUN/(pair)"},
		{"GB*DUN -", "2026-01", "owed=lower(house) pack=strict(house) rule.age.max_days=30(cpo) rule.energy.effect=reject(cpo) days_to_pay=30(house)"},
		{"- DE*EMP", "2026-04", "owed=computed(emsp) pack=strict(house) tax.category=reverse_charge(emsp) days_to_pay=30(house)"},
		{"house", "2026-04", "owed=lower(house) pack=strict(house) days_to_pay=30(house)"},
	} {
		if got := d.terms(t, tc.pair, tc.period); got != tc.want {
			t.Errorf("%s in %s:\n got %s\nwant %s", tc.pair, tc.period, got, tc.want)
		}
	}
}

// Where nothing is said, what is built in holds.
func TestBuiltInTerms(t *testing.T) {
	d := newDesk(t, ingesttest.NewLog(1))
	got := d.agreements.Terms(pairOf(t, "NL*TNM DE*EMP"), 202601)
	if zone := got.Zone.Name(); zone != "UTC" {
		t.Errorf("zone %s", zone)
	}
	got.Zone = nil
	want := clearing.Terms{Owed: clearing.OwedClaimed, Pack: "observe", Tax: clearing.Tax{Category: clearing.TaxStated}, Undecided: clearing.UndecidedRefuse}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(ocpi.Number{})); diff != "" {
		t.Error(diff)
	}
}

// Everything that can be said comes out as a value of its type.
func TestTermsAreTyped(t *testing.T) {
	d := newDesk(t, ingesttest.NewLog(1))
	d.mustAgree(t, "house", "2026-01", "four_eyes=true number_prefix=RC-2026/")
	d.mustAgree(t, "NL*TNM DE*EMP", "2026-01", "owed=lower zone=europe/amsterdam cut_off_day=07 pack=market rule.age.max_days=90.50 rule.age.effect=hold profile=STEP_NONE "+
		"tax.category=standard tax.rate=21.0 undecided=carry days_to_pay=0")
	got := d.agreements.Terms(pairOf(t, "NL*TNM DE*EMP"), 202601)
	if zone := got.Zone.Name(); zone != "Europe/Amsterdam" {
		t.Errorf("zone %s", zone)
	}
	got.Zone = nil
	want := clearing.Terms{
		Owed: clearing.OwedLower, CutOffDay: 7, Pack: "market", Profile: "STEP_NONE",
		Rules: []clearing.RuleSetting{{Rule: "age", Effect: clearing.Hold}, {Rule: "age", Parameter: "max_days", Value: ocpi.MustNumber("90.5")}},
		Tax:   clearing.Tax{Category: clearing.TaxStandard, Rate: ocpi.MustNumber("21")}, Undecided: clearing.UndecidedCarry, HasDaysToPay: true,
		NumberPrefix: "RC-2026/", FourEyes: true,
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(ocpi.Number{})); diff != "" {
		t.Error(diff)
	}
}

// What cannot be said is told with what can, and nothing of it reaches the log.
func TestValuesThatThereAreNot(t *testing.T) {
	log := ingesttest.NewLog(1)
	d := newDesk(t, log)
	for _, tc := range []struct{ scope, set, want string }{
		{"house", "owd=lower", "owd: there is no such key; known are owed, zone, cut_off_day, pack, rule.CODE.effect"},
		{"house", "owed=most", `owed: "most": want one of claimed, computed, lower`},
		{"house", "zone=Mars/Olympus", `zone: "Mars/Olympus": want an IANA time zone`},
		{"house", "zone=UTC+1", `zone: "UTC+1": want an IANA time zone`},
		{"house", "cut_off_day=29", "from 0 to 28"},
		{"house", "pack=lenient", "want one of observe, strict, hubject, eviolin, market"},
		{"house", "profile=STEP_TWICE", "want one of STEP_LAST, "},
		{"house", "rule.agee.max_days=90", `there is no rule "agee"; known are energy, duration, cost_per_kwh, `},
		{"house", "rule.age.max_hours=90", `rule age has no parameter "max_hours"; it has effect, max_days`},
		{"house", "rule.age.max_days=-1", "not negative"},
		{"house", "rule.age.max_days=many", "want an exact decimal"},
		{"house", "rule.age.effect=warn", "want one of off, note, zero, hold, reject"},
		{"house", "rule.age.max_days=10001", "want 0 to 10000 (days)"},
		{"house", "rule.future.effect=note", "rule future is structural: no agreement changes it"},
		{"house", "rule.Age.effect=note", "there is no such key"},
		{"house", "tax.category=vat", "want one of stated, standard, reverse_charge, exempt, zero, outside"},
		{"house", "tax.category=standard", "tax.rate: tax.category=standard needs the rate with it"},
		{"house", "tax.rate=21", "tax.rate: only tax.category=standard has a rate"},
		{"house", "tax.category=exempt tax.rate=21", "tax.rate: only tax.category=standard has a rate"},
		{"house", "tax.rate=", "tax.rate: is withdrawn with tax.category"},
		{"house", "tax.category=standard tax.rate=101", "from 0 to 100"},
		{"house", "tax.category=standard tax.rate=1e", "from 0 to 100"},
		{"house", "undecided=maybe", "want one of refuse, carry"},
		{"house", "days_to_pay=366", "from 0 to 365"},
		{"house", "number_prefix=a b", ""}, // two words here, so the second one is the key
		{"house", "number_prefix=" + strings.Repeat("9", 21), "up to 20 letters"},
		{"house", "number_prefix=Nº", "up to 20 letters"},
		{"NL*TNM -", "four_eyes=true", "four_eyes: is set for the house alone, not for NL*TNM as CPO"},
	} {
		err := d.agree(t, tc.scope, "2026-01", tc.set)
		if _, wrong := errors.AsType[*clearing.ValueError](err); !wrong || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s %s: %v, want %q", tc.scope, tc.set, err, tc.want)
		}
	}
	for _, n := range []clearing.NewAgreement{
		{From: 202601, By: clearing.ByLocal},
		{Values: values("owed=lower"), By: clearing.ByLocal},
		{From: 202601, Values: values("owed=lower")},
	} {
		_, _, err := d.agreements.Set(t.Context(), "", n)
		if refused, ok := errors.AsType[*control.Refused](err); !ok || refused.Kind != control.RefusedInvalid {
			t.Errorf("%+v: %v, want it refused as invalid", n, err)
		}
	}
	if _, end, err := log.Bounds(t.Context(), log.Partitions(ingest.TopicControl)[0]); err != nil || end != 0 {
		t.Errorf("the log has %d records, %v", end, err)
	}
}

// A period that any pair in the scope has closed keeps what it was closed by.
func TestFromIsInAnOpenPeriod(t *testing.T) {
	d := newDesk(t, ingesttest.NewLog(1))
	for _, m := range []ocpi.Month{202602, 202601} {
		if err := d.closes.Close(t.Context(), "", m); err != nil {
			t.Fatal(err)
		}
	}
	begin := func(of string, m ocpi.Month) {
		t.Helper()
		if err := d.closes.Begin(t.Context(), "", clearing.NewBegin{Scope: scope(t, of), Month: m, By: clearing.ByLocal}); err != nil {
			t.Fatal(err)
		}
	}
	begin("NL*TNM DE*EMP", 202605)
	begin("- DE*BIG", 202604)
	for _, tc := range []struct{ scope, from, want string }{
		{"house", "2026-02", "NL*TNM → DE*EMP is closed through 2026-04: from 2026-05 on something else can be agreed for the house, not from 2026-02"},
		{"house", "2026-05", ""},
		{"NL*TNM -", "2026-04", "NL*TNM → DE*EMP is closed through 2026-04"},
		{"NL*TNM -", "2026-05", ""},
		{"- DE*EMP", "2026-04", "NL*TNM → DE*EMP is closed through 2026-04"},
		{"- DE*BIG", "2026-03", "DE*BIG as eMSP is closed through 2026-03"},
		{"- DE*BIG", "2026-04", ""},
		{"GB*DUN DE*BIG", "2026-03", "DE*BIG as eMSP is closed through 2026-03"},
		{"GB*DUN -", "2026-03", "DE*BIG as eMSP is closed through 2026-03"}, // for it holds for that pair too
		{"GB*DUN DE*EMP", "2026-02", "the house is closed through 2026-02"},
		{"GB*DUN DE*EMP", "2026-03", ""},
		{"NL*TNM DE*EMP", "2026-04", "NL*TNM → DE*EMP is closed through 2026-04"},
		{"NL*TNM DE*EMP", "2026-05", ""},
	} {
		err := d.agree(t, tc.scope, tc.from, "owed=lower")
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tc.want)) {
			t.Errorf("%s from %s: %v, want %q", tc.scope, tc.from, err, tc.want)
		}
	}
}

// drawn is one event of a random history.
type drawn struct {
	scope  clearing.Scope
	from   ocpi.Month
	values map[string]string
}

var (
	cpos  = []ocpi.Party{{}, ocpi.NewParty("NL", "TNM"), ocpi.NewParty("GB", "DUN")}
	emsps = []ocpi.Party{{}, ocpi.NewParty("DE", "EMP"), ocpi.NewParty("FR", "PAR")}
)

// histories draws events over few scopes, periods and keys, so that they meet often.
func histories(t *rapid.T) []drawn {
	draws := map[string][]string{
		"owed": {"claimed", "computed", "lower", ""}, "pack": {"observe", "strict", ""}, "zone": {"UTC", "Europe/Paris", ""},
		"tax.category": {"exempt", "standard", ""}, "rule.age.max_days": {"30", "60", ""}, "rule.energy.effect": {"note", "hold", ""}, "days_to_pay": {"0", "14", ""}, "profile": {"STEP_NONE", "STEP_PER_DIM", ""},
	}
	keys := slices.Sorted(maps.Keys(draws))
	list := make([]drawn, rapid.IntRange(1, 40).Draw(t, "events"))
	for i := range list {
		list[i] = drawn{
			clearing.Scope{CPO: rapid.SampledFrom(cpos).Draw(t, "cpo"), EMSP: rapid.SampledFrom(emsps).Draw(t, "emsp")},
			ocpi.Month(202601 + rapid.IntRange(0, 3).Draw(t, "from")), map[string]string{},
		}
		for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom(keys), 1, 3, rapid.ID).Draw(t, "keys") {
			list[i].values[key] = rapid.SampledFrom(draws[key]).Draw(t, key)
		}
		if list[i].values["tax.category"] == "standard" {
			list[i].values["tax.rate"] = rapid.SampledFrom([]string{"19", "21"}).Draw(t, "rate")
		}
	}
	return list
}

// logOf is a log of agreements.
func logOf(t *testing.T, events []drawn) *ingesttest.Log {
	t.Helper()
	log := ingesttest.NewLog(1)
	for i, e := range events {
		set := clearing.AgreementSet{From: e.from, Values: e.values, By: clearing.ByLocal}
		if !e.scope.CPO.IsZero() {
			set.CPO = e.scope.CPO.String()
		}
		if !e.scope.EMSP.IsZero() {
			set.EMSP = e.scope.EMSP.String()
		}
		body, err := control.Encode(control.Event{Command: fmt.Sprint("c", i), At: 1}, set)
		if err == nil {
			_, err = log.Append(t.Context(), ingest.TopicControl, &ingest.Envelope{}, body)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return log
}

// said looks through all events for what holds, in the words of the rule.
func said(events []drawn, s clearing.Scope, period ocpi.Month) map[string]string {
	in := func(of clearing.Scope) map[string]string { // key → value, "" where it is withdrawn
		found, since := map[string]string{}, map[string]ocpi.Month{}
		for _, e := range events {
			if e.scope != of || e.from > period {
				continue
			}
			for key, value := range e.values {
				if e.from >= since[key] {
					found[key], since[key] = value, e.from
				}
			}
		}
		return found
	}
	holds := map[string]string{}
	for _, of := range []clearing.Scope{s, {CPO: s.CPO}, {EMSP: s.EMSP}, {}} {
		for key, value := range in(of) {
			if key == "tax.rate" {
				continue // goes with its category
			}
			if _, set := holds[key]; set || value == "" {
				continue
			}
			holds[key] = value
			if value == "standard" {
				holds["tax.rate"] = in(of)["tax.rate"]
			}
		}
	}
	return holds
}

// The domain says of every pair and period what a look through all events says, by the
// whole log and as of each offset; and another process that folds the log the same.
func TestTermsFollowFromTheEvents(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		events := histories(rt)
		log := logOf(t, events)
		d, again := newDesk(t, log), newDesk(t, log)
		for range 20 {
			s := clearing.Scope{CPO: rapid.SampledFrom(cpos).Draw(rt, "of cpo"), EMSP: rapid.SampledFrom(emsps).Draw(rt, "of emsp")}
			period := ocpi.Month(202512 + rapid.IntRange(0, 92).Draw(rt, "period"))
			below := rapid.IntRange(0, len(events)).Draw(rt, "below")
			want := said(events[:below], s, period)
			got := map[string]string{}
			for _, one := range d.agreements.Sources(s, period, int64(below)) {
				if one.Level != clearing.LevelDefault {
					got[one.Key] = one.Value
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				rt.Fatalf("%s in %s below %d: %s", s, period, below, diff)
			}
			compareTerms(rt, want, d.agreements.TermsAt(control.Pair(s), period, int64(below)))
		}
		if diff := cmp.Diff(d.agreements.Settings(clearing.Scope{}), again.agreements.Settings(clearing.Scope{})); diff != "" {
			rt.Fatal(diff)
		}
	})
}

// compareTerms holds typed terms against values by key.
func compareTerms(t *rapid.T, want map[string]string, got clearing.Terms) {
	t.Helper()
	texts := map[string]string{"owed": string(got.Owed), "pack": got.Pack, "zone": got.Zone.Name(), "tax.category": string(got.Tax.Category)}
	if got.HasDaysToPay {
		texts["days_to_pay"] = fmt.Sprint(got.DaysToPay)
	}
	if got.Tax.Rate.IsSet() {
		texts["tax.rate"] = got.Tax.Rate.String()
	}
	if got.Profile != "" {
		texts["profile"] = got.Profile
	}
	for _, r := range got.Rules {
		if r.Parameter == "" {
			texts["rule."+r.Rule+".effect"] = r.Effect.String()
		} else {
			texts["rule."+r.Rule+"."+r.Parameter] = r.Value.String()
		}
	}
	all := map[string]string{"owed": "claimed", "pack": "observe", "zone": "UTC", "tax.category": "stated"}
	maps.Copy(all, want)
	if diff := cmp.Diff(all, texts); diff != "" {
		t.Fatal(diff)
	}
}

// What a scope keeps is bounded, and so is one event.
func TestAgreementsAreBounded(t *testing.T) {
	d := newDesk(t, ingesttest.NewLog(1))
	const each = 4 // keys an event
	for i := range 5000 / each {
		d.mustAgree(t, "house", ocpi.Month(202601).Add(i%100).String(), "owed=lower pack=strict zone=UTC undecided=carry")
	}
	if err := d.agree(t, "house", "2026-01", "owed=lower"); err == nil || !strings.Contains(err.Error(), "the house has 5000 settings") {
		t.Errorf("one too many: %v", err)
	}
	d.mustAgree(t, "NL*TNM -", "2026-01", "owed=lower")
	long := clearing.AgreementSet{From: 202601, Values: map[string]string{"number_prefix": strings.Repeat("x", 101)}, By: "local"}
	if err := long.Validate(); err == nil {
		t.Error("a value of 101 bytes is taken")
	}
}

// A key or a value that this version does not know stops the fold before it: what
// comes after it would come to other money.
func TestAgreementsOfANewerVersionHalt(t *testing.T) {
	for _, set := range []string{"owed=most", "color=blue"} {
		log := ingesttest.NewLog(1)
		d := newDesk(t, log)
		body, err := control.Encode(control.Event{Command: "c", At: 1}, clearing.AgreementSet{From: 202601, Values: values(set), By: "local"})
		if err == nil {
			_, err = log.Append(t.Context(), ingest.TopicControl, &ingest.Envelope{}, body)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := d.WaitNext(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "this version of roamclear") {
			t.Errorf("%s: %v", set, err)
		}
	}
}

// The list says which settings a later record of the same period replaced.
func TestSettingsAreKept(t *testing.T) {
	d := newDesk(t, ingesttest.NewLog(1))
	d.mustAgree(t, "NL*TNM DE*EMP", "2026-01", "owed=lower")
	d.mustAgree(t, "- DE*EMP", "2026-01", "owed=lower")
	d.mustAgree(t, "NL*TNM DE*EMP", "2026-02", "owed=")
	d.mustAgree(t, "NL*TNM DE*EMP", "2026-01", "owed=computed")
	d.mustAgree(t, "GB*DUN -", "2026-01", "owed=computed")
	list := func(within string) string {
		var lines []string
		for _, s := range d.agreements.Settings(scope(t, within)) {
			lines = append(lines, fmt.Sprintf("%d %s %s %s=%s %t", s.Offset, s.Scope, s.From, s.Key, s.Value, s.Replaced))
		}
		return strings.Join(lines, "; ")
	}
	const (
		emsp = "1 DE*EMP as eMSP 2026-01 owed=lower false"
		cpo  = "4 GB*DUN as CPO 2026-01 owed=computed false"
		pair = "0 NL*TNM → DE*EMP 2026-01 owed=lower true; 3 NL*TNM → DE*EMP 2026-01 owed=computed false; 2 NL*TNM → DE*EMP 2026-02 owed= false"
	)
	for within, want := range map[string]string{
		"house": emsp + "; " + cpo + "; " + pair, "NL*TNM -": emsp + "; " + pair, "NL*TNM DE*EMP": emsp + "; " + pair, "GB*DUN DE*BIG": cpo, "GB*DUN -": emsp + "; " + cpo,
	} {
		if got := list(within); got != want {
			t.Errorf("%s:\n got %s\nwant %s", within, got, want)
		}
	}
}
