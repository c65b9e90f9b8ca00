package hub

import (
	"fmt"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/ocpi/convert"
	"github.com/roamclear/roamclear/settlement"
)

// tellsIDsAlone reports whether the partner is not told whose an object is: bodies of
// OCPI 2.1.1 have no owner, nor whom a Tariff is for, and it keeps Tokens by their uid.
func (x *exchange) tellsIDsAlone() bool { return x.route.version == ocpi.V211 }

// sharedIDs counts, as a finding, what is left out because two owners have it.
func (x *exchange) sharedIDs(which []string) {
	const most = 300 // bytes of a detail
	detail := "of more than one owner, and OCPI 2.1.1 does not say whose it is: left out"
	for i, w := range which {
		if len(detail)+len(w) > most {
			detail += fmt.Sprintf("; and %d more", len(which)-i)
			break
		}
		detail += "; " + w
	}
	for range which {
		x.found(ocpi.Finding{Code: "shared_id", Severity: ocpi.Warning, Path: "id", Detail: detail})
	}
}

// hidden says why an item of a page stays off it, nil where it does not: a reader of
// ids alone takes two things of one id for one. Of what two owners have it is shown
// nothing. Of one owner's Tariffs of an id it is shown the one that is for it before
// that for everybody, of Tokens of a uid the RFID card before other types.
func (x *exchange) hidden(p *settlement.OCPIPage, i int) (why *convert.Refused, shared string) {
	if i >= len(p.Others) || len(p.Others[i]) == 0 {
		return nil, "" // none, or was not asked for
	}
	id := p.Identities[i]
	for _, other := range p.Others[i] {
		if other.Key.Party != id.Key.Party {
			shared = fmt.Sprintf("%s %s of %s and %s", id.Object, id.Key.ID, id.Key.Party, other.Key.Party)
			return &convert.Refused{Path: "id", Reason: shared + ": OCPI 2.1.1 does not say whose it is"}, shared
		}
	}
	rank := x.rank(id)
	for _, other := range p.Others[i] {
		switch strings.Compare(x.rank(other), rank) {
		case -1:
			why = &convert.Refused{Path: "id", Reason: fmt.Sprintf("%s: OCPI 2.1.1 shows one of an id, and that is %s", id, other)}
		case 0:
			shared = fmt.Sprintf("%s %s for %s and %s", id.Object, id.Key, id.Variant, other.Variant)
			return &convert.Refused{Path: "id", Reason: shared + ": OCPI 2.1.1 does not say whom it is for"}, shared
		}
	}
	return why, ""
}

// rank orders what one owner has of one id: the first is shown.
func (x *exchange) rank(id ingest.Identity) string {
	if id.Object == ingest.ObjectToken {
		if id.Variant == defaultTokenType {
			return "" // before all others
		}
		return id.Variant
	}
	recipient, _ := ocpi.ParseParty(id.Variant)
	scope := x.s.Partners.Scope(x.partner, id.Object)
	switch {
	case id.Variant == "":
		return "1 for everybody"
	case slices.Contains(scope.For, recipient):
		return "0 for the reader"
	}
	return "2 for another"
}
