package settlement

import (
	"math"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/reference"
)

// terms are what a stored result says it was computed from: a CDR is priced
// again from the same, whatever has come since. A result from before its AsOf
// was kept names its inputs by what they were: the hashes of its tariffs, its
// time zone, its debtor.
type terms struct {
	inputs   pricing.Inputs
	policies pricing.Policies // nil: everybody could be billed
	issuers  map[string]ocpi.Issuers

	at      pricing.AsOf
	profile string
	hashes  string // of its tariffs, joined by ","
	zone    string
	debtor  ocpi.Party
}

func (t *terms) of(s *ChangeSide) {
	t.at, t.profile, t.hashes, t.zone, t.debtor = s.AsOf, s.Profile, s.TariffHash, s.TimeZone, s.EMSP
}

func (t *terms) kept() bool { return t.at.Kept() }

// Tariff implements pricing.Inputs.
func (t *terms) Tariff(key ocpi.Key, debtor ocpi.Party, start ocpi.Time, below int64) (v *reference.TariffVersion, later bool) {
	if t.kept() {
		return t.inputs.Tariff(key, debtor, start, below)
	}
	for _, v := range t.inputs.TariffsBelow(key, debtor, math.MaxInt64, math.MaxInt) {
		if strings.Contains(t.hashes, v.Hash()) {
			return v, false
		}
	}
	return nil, false
}

// TariffsBelow implements pricing.Inputs.
func (t *terms) TariffsBelow(key ocpi.Key, debtor ocpi.Party, below int64, limit int) []*reference.TariffVersion {
	return t.inputs.TariffsBelow(key, debtor, below, limit)
}

// Zone implements pricing.Inputs.
func (t *terms) Zone(location ocpi.Key, country string, start ocpi.Time, below int64) (zone, source string) {
	if t.kept() {
		return t.inputs.Zone(location, country, start, below)
	}
	return t.zone, "stored"
}

// ConnectorPower implements pricing.Inputs. Of before its AsOf was kept it was not.
func (t *terms) ConnectorPower(location ocpi.Key, evse, connector string, start ocpi.Time, below int64) (watts int64, ok bool) {
	if !t.kept() {
		return 0, false
	}
	return t.inputs.ConnectorPower(location, evse, connector, start, below)
}

// Payer implements pricing.Inputs. Whose contract an id that says so is, was for the
// settings of then to say: the list that the result names, or, of one from before that
// was kept, the debtor that stands with it.
func (t *terms) Payer(contractID string, start ocpi.Time, below int64) (ocpi.Party, bool) {
	if _, named := ocpi.Issuers(nil).Of(contractID); t.kept() && !named {
		return t.inputs.Payer(contractID, start, below)
	}
	if list, ok := t.issuers[t.at.Issuers]; ok {
		return list.Of(contractID)
	}
	return t.debtor, !t.debtor.IsZero()
}

// unlisted reports whether the terms name a list of issuers that is not there: then
// nothing says who was to pay.
func (t *terms) unlisted() bool {
	_, ok := t.issuers[t.at.Issuers]
	return t.at.Issuers != "" && !ok
}

// Billable implements pricing.Policies.
func (t *terms) Billable(p ocpi.Party, below int64) bool {
	return !t.kept() || t.policies == nil || t.policies.Billable(p, below)
}

// Profile implements pricing.Policies: a re-pricing may have named another one
// than the partner's.
func (t *terms) Profile(_, _ ocpi.Party, _ ocpi.Time, _ int64) string { return t.profile }
