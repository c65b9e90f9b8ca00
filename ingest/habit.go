package ingest

import (
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// Habits are what partners do daily, what OCPI leaves open or asks not to be done, and
// what has one meaning all the same: findings that are counted, see Tally, and that
// policies may refuse. Their senders are not told: most of them cannot help it.

// appendHabits appends the habits in how a body is written.
func appendHabits(found []ocpi.Finding, body []byte) []ocpi.Finding {
	if name, ok := ocpi.NullMember(body); ok {
		found = append(found, ocpi.Finding{Code: "explicit_null", Path: name, Detail: "null: OCPI allows it of an optional member; it counts as absent"})
	}
	if text, ok := ocpi.FractionalTime(body); ok {
		found = append(found, ocpi.Finding{Code: "datetime_fraction", Detail: text + ": fractions of a second, which not all versions of OCPI name"})
	}
	return found
}

// appendHabitsOfCDR is appendHabits, and what a CDR came before.
func (s *Service) appendHabitsOfCDR(found []ocpi.Finding, e *Envelope, cdr *ocpi.CDR, body []byte) []ocpi.Finding {
	found = appendHabits(found, body)
	if s.unheardOf(ObjectLocation, e, cdr.Location.ID) {
		found = append(found, ocpi.Finding{Code: "cdr_before_location", Path: "cdr_location.id", Detail: "no location of this id has come before it"})
	}
	if s.unheardOf(ObjectSession, e, cdr.SessionID) {
		found = append(found, ocpi.Finding{Code: "cdr_before_session", Path: "session_id", Detail: "no session of this id has come before it"})
	}
	if cdr.Credit && (cdr.TotalEnergy.Sign() < 0 || cdr.TotalTime.Sign() < 0 || cdr.TotalParkingTime.Sign() < 0) {
		found = append(found, ocpi.Finding{Code: "credit_negates_quantities", Severity: ocpi.Warning, Path: "total_energy", Detail: "a credit CDR negates total_cost alone: its energy and times are those of what it credits"})
	}
	return found
}

// unheardOf reports whether an object that a CDR names has not come from its owner.
func (s *Service) unheardOf(o Object, e *Envelope, id string) bool {
	return id != "" && id != "#NA" && s.current.RulesOut(Identity{Object: o, Key: ocpi.Key{Party: e.Key.Party, ID: ocpi.Fold(id)}})
}

// What is found in a CDR whose id came before.
var (
	RepeatedCDR = ocpi.Finding{Code: "repeated_cdr", Path: "id", Detail: "this CDR came before: it counts once"}
	ChangedCDR  = ocpi.Finding{Code: "changed_cdr", Severity: ocpi.Serious, Path: "id", Detail: "a CDR of this id came before with other content: the first counts"}
)

// repeat finds, for policies, that a CDR came before to this process. What came
// earlier than that is for Check to find.
func (s *Service) repeat(from Sender, e *Envelope, body []byte) []ocpi.Finding {
	if len(from.Refuses) == 0 {
		return nil
	}
	switch s.recent.look(e.Key, body) {
	case EarlierSame:
		return []ocpi.Finding{RepeatedCDR}
	case EarlierOther:
		return []ocpi.Finding{ChangedCDR}
	}
	return nil
}

// spellings finds the parts of a body's identity that are written in another case
// than in the URL: OCPI compares them without, and not all programs do.
func spellings(t Target, r *reading) (found []ocpi.Finding) {
	for _, f := range []struct{ name, body, url string }{
		{"id", r.id, t.ID}, {"country_code", r.country, t.Key.Party.Country}, {"party_id", r.party, t.Key.Party.ID},
	} {
		if f.body == "" || f.body == f.url || !strings.EqualFold(f.body, f.url) {
			continue
		}
		found = append(found, ocpi.Finding{Code: "id_case", Path: f.name, Detail: "written in another case than in the URL: read as the same"})
	}
	return found
}

// tally counts what was found in a body.
func (s *Service) tally(e *Envelope, findings []ocpi.Finding) {
	if len(findings) == 0 || s.Tally == nil {
		return
	}
	s.Tally.Note(e.Sender, e.Object.String()+" "+e.Key.String(), e.Received, findings...)
}
