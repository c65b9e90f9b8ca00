package tariff

import (
	"bytes"

	"github.com/roamclear/roamclear/ocpi"
)

// inForce returns which of the tariffs with an id prices the charge, of those
// in the CDR or of those beside it; noTariff where there is none (P-01). One
// that was not valid at the session's start counts only where none was. Of
// several that were:
//
//   - In the CDR it is the first (P-01.3). CDR.tariffs is a snapshot as at the
//     session's start (mod_cdrs), so none of them is newer than another.
//   - Beside the CDR it is the version in force at the session's start (P-01.2):
//     the one with the latest last_updated that is not after it; where all were
//     updated later, and among equals, the first.
//
// Where two of them differ, a finding says which was used.
func (e *Engine) inForce(id string, embedded bool) int {
	found, valid, several := noTariff, false, false
	for i := range e.offered(embedded) {
		if !sameID(e.idOf(embedded, i), id) {
			continue
		}
		v := e.candidateValid(embedded, i)
		switch {
		case found == noTariff || v && !valid:
			found, valid, several = i, v, false
		case v == valid:
			several = several || !e.sameTariff(embedded, i, found)
			if valid && !embedded && e.supersedes(e.in.Tariffs[i].updated, e.in.Tariffs[found].updated) {
				found = i
			}
		}
	}
	if several {
		e.raiseWith(noticeAmbiguousVersion, e.ambiguity(embedded, found, valid))
	}
	return found
}

// supersedes reports whether a version was in force rather than another when
// the charge started, both being valid then.
func (e *Engine) supersedes(updated, other ocpi.Time) bool {
	return updated <= e.cdr.Start && (updated > other || other > e.cdr.Start)
}

// sameTariff reports whether two tariffs with one id are one tariff given twice.
func (e *Engine) sameTariff(embedded bool, i, j int) bool {
	if !embedded {
		return e.in.Tariffs[i] == e.in.Tariffs[j]
	}
	a, b := e.cdr.Tariffs[i].Raw, e.cdr.Tariffs[j].Raw
	return len(a) > 0 && bytes.Equal(a, b)
}

// ambiguity says between what there was to choose, and what was chosen.
func (e *Engine) ambiguity(embedded bool, found int, valid bool) string {
	text := "tariff " + e.idOf(embedded, found) + " is given in several versions that were "
	if !valid {
		text += "not "
	}
	text += "valid when the charge started; "
	var updated ocpi.Time
	if embedded {
		updated = e.cdr.Tariffs[found].LastUpdated
	} else {
		updated = e.in.Tariffs[found].updated
	}
	if embedded || !valid || updated > e.cdr.Start {
		text += "the first was used, last updated "
	} else {
		text += "the one in force then was used, last updated "
	}
	if !updated.IsSet() {
		return text + "at an unknown time"
	}
	return text + updated.String()
}

// foreign reports whether a tariff's owner is known, the CDR's too, and they
// are not the same (mod_tariffs, Tariff: country_code and party_id of the CPO).
func (e *Engine) foreign(p *Prepared) bool {
	c := e.cdr
	return p.country != "" && c.CountryCode != "" && !sameID(p.country, c.CountryCode) ||
		p.party != "" && c.PartyID != "" && !sameID(p.party, c.PartyID)
}
