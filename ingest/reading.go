package ingest

import (
	"fmt"

	"github.com/roamclear/roamclear/ocpi"
)

// reading is what the intake needs of an object: who it is, what is found in it,
// and what it says that prices rest on. Its texts are the decoder's.
type reading struct {
	country, party, id string // owner and id as in the body
	tokenType          string
	token              string // uid of a Token, or of that of a Session
	contract           string // of a Token, or of a Session whose token names no eMSP
	start              ocpi.Time
	findings           []ocpi.Finding
	change             Change
}

// read decodes a whole object.
func read(d *ocpi.Decoder, v ocpi.Version, kind Object, whole []byte) (r reading, err error) {
	switch kind {
	case ObjectLocation:
		var o *ocpi.Location
		if o, err = d.Location(v, whole); err == nil {
			r = reading{country: o.CountryCode, party: o.PartyID, id: o.ID, findings: o.Findings, change: Change{Zone: o.TimeZone}}
		}
	case ObjectTariff:
		var o *ocpi.Tariff
		if o, err = d.Tariff(v, whole); err == nil {
			r = reading{country: o.CountryCode, party: o.PartyID, id: o.ID, findings: o.Findings}
		}
	case ObjectSession:
		var o *ocpi.Session
		if o, err = d.Session(v, whole); err == nil {
			r = reading{country: o.CountryCode, party: o.PartyID, id: o.ID, findings: o.Findings, start: o.Start, token: o.Token.UID}
			if o.Token.Party().IsZero() {
				r.contract = o.Token.ContractID
			}
		}
	case ObjectToken:
		var o *ocpi.Token
		if o, err = d.Token(v, whole); err == nil {
			r = reading{country: o.CountryCode, party: o.PartyID, id: o.UID, findings: o.Findings,
				tokenType: o.Type, token: o.UID, contract: o.ContractID, change: Change{Contract: ocpi.Fold(o.ContractID)}}
		}
	case ObjectInvoice:
		var o *ocpi.InvoiceReconciliation
		if o, err = d.InvoiceReconciliation(v, whole); err == nil {
			r = reading{country: o.CountryCode, party: o.PartyID, id: o.ID, findings: o.Findings}
		}
	default:
		err = fmt.Errorf("object kind %d cannot be changed", kind)
	}
	return r, err
}

// sameIdentity holds the body's identity against the URL's (R-OWN-02, E6, E7).
// A Token's type is part of it (mod_tokens): of one uid there may be several.
func sameIdentity(v ocpi.Version, t Target, r *reading) error {
	idField := "id"
	if t.Object == ObjectToken {
		idField = "uid"
	}
	switch {
	case ocpi.Fold(r.id) != t.Key.ID:
		return invalid(idField, "is not the id in the URL")
	case t.Object == ObjectToken && ocpi.Fold(r.tokenType) != ocpi.Fold(t.Variant):
		return invalid("type", "is not the type in the URL, which is RFID unless ?type= says another")
	case v == ocpi.V211:
		return nil
	case ocpi.Fold(r.country) != t.Key.Party.Country:
		return invalid("country_code", "is not the country code in the URL")
	case ocpi.Fold(r.party) != t.Key.Party.ID:
		return invalid("party_id", "is not the party id in the URL")
	}
	return nil
}

// sameSpelling refuses an id of OCPI 2.1.1 that differs only by case from one that
// is there: in 2.1.1 these are two objects, and in all later versions one.
func sameSpelling(v ocpi.Version, t Target, old *ObjectState, body []byte) error {
	if v != ocpi.V211 || old.Version != ocpi.V211 {
		return nil
	}
	evse, connector := t.Part()
	name := "id"
	if t.Object == ObjectToken || evse != "" && connector == "" {
		name = "uid"
	}
	known, ok := ocpi.Sub(old.Body, evse, connector)
	if !ok {
		return nil
	}
	was, is := ocpi.Text(known, name), ocpi.Text(body, name)
	if is == "" || was == "" || is == was {
		return nil
	}
	return invalid(name, fmt.Sprintf("differs only by case from %q, which is there: ids are compared without case here, as in every later version of OCPI", was))
}
