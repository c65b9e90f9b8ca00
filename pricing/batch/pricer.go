package batch

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// Defaults hold for every request that does not say otherwise.
type Defaults struct {
	Zone    *tariff.Zone    // nil: the CDR's, else that of its country if it has only one
	Profile *tariff.Profile // nil: tariff.Default
	// Tariffs are the JSON texts of tariffs offered to every CDR after its own
	// and the request's. See tariff.Input.Tariffs.
	Tariffs [][]byte
	Scale   uint8 // decimals of every amount, at most 12
	NoCause bool  // a line does not say why its claim differs
}

// Pricer prices requests. It keeps compiled tariffs and scratch space: one per
// goroutine.
type Pricer struct {
	defaults  Defaults
	decoder   ocpi.Decoder // of the CDR
	beside    ocpi.Decoder // of tariffs that are not in it
	engine    tariff.Engine
	profiles  map[string]*tariff.Profile
	compiled  [ocpi.V230 + 1]map[string]*tariff.Prepared // by version and text; nil cannot be priced with
	sets      [2][ocpi.V230 + 1]map[string]*tariffSet    // arrays, by whether the version is stated and the CDR's
	in        tariff.Input
	cdr       *ocpi.CDR
	embedded  []*tariff.Prepared
	candidate []*tariff.Prepared
	findings  []ocpi.Finding // of the request itself
	verdict   tariff.Result  // scratch of Price

	zones   map[string]*tariff.Zone // that requests named
	known   names                   // of Line
	cause   []byte                  // of Line: why its claim differs, "" where it does not
	request Request                 // of Line
	result  tariff.Result           // of Line
}

// tariffSet is an array of tariffs, compiled.
type tariffSet struct {
	prepared []*tariff.Prepared
	err      error
}

// maxCached bounds the compiled tariffs, and arrays of them, that a Pricer keeps.
const maxCached = 4096

// NewPricer returns a Pricer.
func NewPricer(defaults Defaults) *Pricer {
	defaults.Scale = min(defaults.Scale, ocpi.MaxNumberDecimals)
	p := &Pricer{defaults: defaults, profiles: map[string]*tariff.Profile{}, zones: map[string]*tariff.Zone{}, known: names{}}
	for v := range p.compiled {
		p.compiled[v] = map[string]*tariff.Prepared{}
		p.sets[0][v], p.sets[1][v] = map[string]*tariffSet{}, map[string]*tariffSet{}
	}
	profile := defaults.Profile
	if profile == nil {
		profile = tariff.Default
	}
	p.profiles[""] = profile.WithScale(defaults.Scale)
	return p
}

// Price prices a request into out, which is valid until the next call. The
// error says what is wrong with the request: a CDR or tariff that cannot be
// read, an unknown time zone or profile. A readable CDR without a price is no
// error: out says why.
func (p *Pricer) Price(r *Request, out *tariff.Result) error {
	if err := p.prepare(r); err != nil {
		return err
	}
	p.engine.Price(&p.in, out)
	if p.defaults.Scale < tariff.Default.Scale {
		fine := p.fine()
		p.engine.Price(&fine, &p.verdict)
		out.Claim = p.verdict.Claim
	}
	return nil
}

// fine is the input for a verdict or a search, which must not depend on how
// many decimals are printed.
func (p *Pricer) fine() tariff.Input {
	fine := p.in
	if p.defaults.Scale < tariff.Default.Scale {
		fine.Profile = fine.Profile.WithScale(tariff.Default.Scale)
	}
	return fine
}

// totalDiffers adds the finding that [tariff.Engine.Audit] would, with the
// figures the verdict rests on.
func (p *Pricer) totalDiffers(out *tariff.Result) {
	if !out.OK || out.Claim != tariff.ClaimDiffers {
		return
	}
	judged := out
	if p.defaults.Scale < tariff.Default.Scale {
		judged = &p.verdict
	}
	out.Findings = append(out.Findings, tariff.TotalDiffers(p.cdr, judged))
}

// Reason returns the code of why the request of the last WriteText or WriteJSON
// has no price, "" when it has one.
func (p *Pricer) Reason() string { return p.result.Reason }

// prepare reads everything the price depends on.
func (p *Pricer) prepare(r *Request) error {
	p.cdr, p.findings = nil, p.findings[:0]
	profile, err := p.profile(r.Profile)
	if err != nil {
		return err
	}
	cdr, err := p.read(r)
	if err != nil {
		return fmt.Errorf("cdr: %w", err)
	}
	p.cdr, p.findings = cdr, append(p.findings, cdr.Findings...)
	p.in = tariff.Input{CDR: cdr, Profile: profile, ReservationExpired: r.ReservationExpired}
	if p.in.Zone, p.in.ZoneSource, err = p.zone(r, cdr); err != nil {
		return err
	}
	p.embed(cdr)
	return p.offer(r, cdr.Version)
}

// profile returns the named profile at the scale that was asked for.
func (p *Pricer) profile(name string) (*tariff.Profile, error) {
	if known, ok := p.profiles[name]; ok {
		return known, nil
	}
	found, ok := tariff.ProfileByName(name)
	if !ok {
		return nil, fmt.Errorf("profile %q is unknown", name)
	}
	p.profiles[name] = found.WithScale(p.defaults.Scale)
	return p.profiles[name], nil
}

// telltales are member names that no 2.2.1 CDR has. They are looked for as
// whole JSON strings, so a remark cannot contain them unescaped.
var telltales = [][]byte{
	[]byte(`"before_taxes"`), []byte(`"stop_date_time"`), []byte(`"tax_included"`), []byte(`"auth_id"`),
}

// read decodes the CDR in the version that is stated or that it looks like.
func (p *Pricer) read(r *Request) (*ocpi.CDR, error) {
	if r.Version != 0 {
		return p.decoder.CDRToPrice(r.Version, r.CDR)
	}
	guess := ocpi.V221
	for _, telltale := range telltales {
		if bytes.Contains(r.CDR, telltale) {
			guess = looksLike(r.CDR, guess)
			break
		}
	}
	cdr, err := p.decoder.CDRToPrice(guess, r.CDR)
	if err != nil || ofAnotherVersion(cdr.Findings) {
		if v := looksLike(r.CDR, guess); v != guess {
			return p.decoder.CDRToPrice(v, r.CDR)
		}
	}
	return cdr, err
}

// ofAnotherVersion reports whether amounts look like those of another version.
func ofAnotherVersion(findings []ocpi.Finding) bool {
	return slices.ContainsFunc(findings, func(f ocpi.Finding) bool { return f.Code == "price_form" })
}

func looksLike(cdr []byte, otherwise ocpi.Version) ocpi.Version {
	if v, ok := ocpi.DetectCDRVersion(cdr); ok {
		return v
	}
	return otherwise
}

// zone returns the time zone that is stated, else the CDR's own (2.1.1), else
// its country's if it has only one.
func (p *Pricer) zone(r *Request, cdr *ocpi.CDR) (*tariff.Zone, string, error) {
	if r.TimeZone != "" {
		zone, err := p.load(r.TimeZone)
		return zone, "given", err
	}
	if p.defaults.Zone != nil {
		return p.defaults.Zone, "given", nil
	}
	zone, byCountry, found := tariff.PlaceZone(cdr.Location.TimeZone, cdr.Location.Country)
	p.findings = append(p.findings, found...)
	switch {
	case zone == nil:
		return nil, "", nil
	case byCountry:
		return zone, "country", nil
	}
	return zone, "cdr", nil
}

// load is tariff.LoadZone without its cost for names that were loaded before:
// there are no more of them than the database has.
func (p *Pricer) load(name string) (*tariff.Zone, error) {
	if zone, ok := p.zones[name]; ok {
		return zone, nil
	}
	zone, err := tariff.LoadZone(name)
	if err == nil {
		p.zones[zone.Name()] = zone
	}
	return zone, err
}

// embed compiles the CDR's own tariffs. Where one cannot be priced with, the
// engine looks for itself whether it is needed.
func (p *Pricer) embed(cdr *ocpi.CDR) {
	p.embedded = p.embedded[:0]
	for i := range cdr.Tariffs {
		t := &cdr.Tariffs[i]
		prepared, ok := p.compiled[cdr.Version][string(t.Raw)]
		if !ok {
			prepared, _ = tariff.Prepare(t) // nil says enough: see above
			keep(p.compiled[cdr.Version], t.Raw, prepared)
		}
		if prepared == nil {
			return
		}
		p.embedded = append(p.embedded, prepared)
	}
	p.in.Embedded = p.embedded
}

// keep adds to a cache, which is emptied when it has become too large.
func keep[V any](cache map[string]V, key []byte, value V) {
	if len(cache) >= maxCached {
		clear(cache)
	}
	cache[string(key)] = value
}

// offer compiles the tariffs beside the CDR and the default ones.
func (p *Pricer) offer(r *Request, cdr ocpi.Version) error {
	p.candidate = p.candidate[:0]
	if r.Tariffs != nil {
		cache := p.sets[0][cdr]
		if r.Version != 0 {
			cache = p.sets[1][cdr]
		}
		set := cache[string(r.Tariffs)]
		if set == nil {
			set = p.compileArray(r.Tariffs, r.Version, cdr)
			keep(cache, r.Tariffs, set)
		}
		if set.err != nil {
			return set.err
		}
		p.candidate = append(p.candidate, set.prepared...)
	}
	for i, raw := range p.defaults.Tariffs {
		prepared, err := p.compile(raw, 0, cdr)
		if err != nil {
			return fmt.Errorf("tariff %d: %w", i+1, err)
		}
		p.candidate = append(p.candidate, prepared)
	}
	p.in.Tariffs = p.candidate
	return nil
}

func (p *Pricer) compileArray(array []byte, stated, cdr ocpi.Version) *tariffSet {
	list, err := elements(array)
	if err != nil {
		return &tariffSet{err: fmt.Errorf("tariffs: %w", err)}
	}
	set := &tariffSet{}
	for i, raw := range list {
		prepared, err := p.compile(raw, stated, cdr)
		if err != nil {
			return &tariffSet{err: fmt.Errorf("tariffs[%d]: %w", i, err)}
		}
		set.prepared = append(set.prepared, prepared)
	}
	return set
}

// compile reads one tariff in the stated version, else in the one it looks
// like; one without an owner, which only 2.1.1 has by right, in the CDR's.
func (p *Pricer) compile(raw []byte, v, cdr ocpi.Version) (*tariff.Prepared, error) {
	if v == 0 {
		var ok bool
		if v, ok = ocpi.DetectTariffVersion(raw); !ok || v == ocpi.V211 {
			v = cdr
		}
	}
	if prepared := p.compiled[v][string(raw)]; prepared != nil {
		return prepared, nil
	}
	t, err := p.beside.TariffToPrice(v, raw)
	if err != nil {
		return nil, err
	}
	prepared, err := tariff.Prepare(t)
	if err != nil {
		return nil, err
	}
	keep(p.compiled[v], raw, prepared)
	return prepared, nil
}

// errPanic is the error of a request that made the engine panic.
var errPanic = errors.New("internal error: please report this line")

// guarded is Price that survives a panic, which must not end the stream.
func (p *Pricer) guarded(r *Request, out *tariff.Result) (err error) {
	defer p.survive(&err)
	return p.Price(r, out)
}

// survive, deferred, makes a panic an error.
func (p *Pricer) survive(err *error) {
	if cause := recover(); cause != nil {
		p.engine = tariff.Engine{}
		*err = fmt.Errorf("%w: %v", errPanic, cause)
	}
}
