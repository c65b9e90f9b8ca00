package clearing

import (
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// Policies are by what CDRs are priced: what two parties agreed goes before what the CPO
// registered. It implements pricing.Policies.
type Policies struct {
	*control.Partners
	Agreements *Agreements
}

// Profile returns the name of the pricing profile of what a CPO bills an eMSP for a
// charge that is booked at an instant, by the control records at offsets below; "" for
// the default.
func (p Policies) Profile(cpo, emsp ocpi.Party, booked ocpi.Time, below int64) string {
	if profile := p.Agreements.profileAt(Scope{CPO: cpo, EMSP: emsp}, booked, below); profile != "" {
		return profile
	}
	return p.Partners.Profile(cpo, below)
}

// profileAt returns the profile that a pair agreed on for the period that a charge
// belongs to, "" where it did on none. It is asked for with each CDR, so it makes no
// terms of all that was agreed.
func (d *Agreements) profileAt(pair Scope, booked ocpi.Time, below int64) string {
	s := d.state.Current()
	if !s.profiles {
		return ""
	}
	if of := s.set.narrowest(pair, profileKey, Belongs(booked, s.zoneAt(pair, booked, below)), below); of != nil {
		return of.text
	}
	return ""
}
