package hub

import (
	"fmt"
	"strings"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// charge returns what a CDR or Session asks for that is handed out in the route's
// version, nil where it asks for nothing: 2.1.1 carries the Location whole, and later
// versions say who pays.
func (x *exchange) charge(id ingest.Identity, v ocpi.Version, raw []byte) *settlement.Charge {
	to := x.route.version
	if v == to || v != ocpi.V211 && to != ocpi.V211 || x.s.Known.Charges == nil {
		return nil
	}
	c := &settlement.Charge{ID: id}
	var d ocpi.Decoder
	var location string
	switch id.Object {
	case ingest.ObjectCDR:
		cdr, err := d.CDR(v, raw)
		if err != nil {
			return nil // the conversion says why
		}
		c.Start, c.Contract, location = cdr.Start, strings.Clone(cdr.Token.ContractID), cdr.Location.ID
	case ingest.ObjectSession:
		session, err := d.Session(v, raw)
		if err != nil {
			return nil
		}
		c.Start, c.Contract, location = session.Start, strings.Clone(session.Token.ContractID), session.LocationID
	default:
		return nil
	}
	if to == ocpi.V211 {
		c.Contract = "" // which is all that it says
		c.Location = ocpi.NewKey(id.Key.Party.Country, id.Key.Party.ID, strings.Clone(location))
	}
	return c
}

// complete reads what charges ask for; nil ones ask for nothing.
func (x *exchange) complete(charges ...*settlement.Charge) error {
	var list []*settlement.Charge
	for _, c := range charges {
		if c != nil {
			list = append(list, c)
		}
	}
	if len(list) == 0 {
		return nil
	}
	ctx, cancel := x.limited()
	defer cancel()
	reads := x.s.places.reads // what it asks of the store may be much
	if err := reads.Enter(ctx, x.partner.ID); err != nil {
		return err
	}
	defer reads.Leave()
	if err := x.s.Known.Charges(ctx, list); err != nil {
		return fmt.Errorf("read what %d charges rest on: %w", len(list), err)
	}
	x.hideTokens(list)
	return nil
}

// hideTokens takes out of charges with which Token they were made where the partner
// does not see its payer's Tokens: who knows a contract id must not learn the uid.
func (x *exchange) hideTokens(charges []*settlement.Charge) {
	sees := x.s.Partners.Scope(x.partner, ingest.ObjectToken)
	for _, c := range charges {
		if !sees.Holds(c.Token.Party(), ocpi.Party{}) {
			c.Token.UID, c.Token.Type = "", ""
		}
	}
}
