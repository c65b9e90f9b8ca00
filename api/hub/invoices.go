package hub

import (
	"errors"
	"fmt"
	"strings"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// postInvoice accepts an InvoiceReconciliationRecord (OCPI 2.3.0
// mod_invoice_reconciliation, "POST Method"): its owner is in the body alone. A
// repeat is answered as one that was there.
func (x *exchange) postInvoice() (answer, error) {
	t := ingest.Target{Object: ingest.ObjectInvoice}
	var d ocpi.Decoder
	record, err := d.InvoiceReconciliation(x.route.version, x.body)
	if err != nil {
		return answer{}, x.refuse(t, d.AllMissing(err))
	}
	t.ID = strings.Clone(record.ID) // the body is used again
	t.Key = ocpi.NewKey(strings.Clone(record.CountryCode), strings.Clone(record.PartyID), t.ID)
	if !x.sender().Owns(t.Key.Party) {
		return answer{}, x.refuse(t, wrongParameter("country_code, party_id", "not a party of yours with the role CPO or EMSP"))
	}
	return x.putInvoiceOf(t, record)
}

// putInvoice replaces a record, or makes it.
func (x *exchange) putInvoice() (answer, error) {
	t, err := x.address()
	if err != nil {
		return answer{}, err
	}
	var d ocpi.Decoder
	record, err := d.InvoiceReconciliation(x.route.version, x.body)
	if err != nil {
		return answer{}, x.refuse(t, d.AllMissing(err))
	}
	return x.putInvoiceOf(t, record)
}

func (x *exchange) putInvoiceOf(t ingest.Target, record *ocpi.InvoiceReconciliation) (answer, error) {
	to, err := x.billed(t.Key.Party, record.CDRs)
	if err != nil {
		if ingest.IsSenderFault(err) {
			err = x.refuse(t, err)
		}
		return answer{}, err
	}
	t.Path = to.String()
	ctx, cancel := x.limited()
	defer cancel()
	r, err := x.s.Intake.Put(ctx, x.sender(), x.route.version, t, x.body)
	return x.kept(t, r, err)
}

// billed returns whom an invoice is for: the party that OCPI-to names, else the
// other party of the CDRs it lists.
func (x *exchange) billed(owner ocpi.Party, cdrs []string) (ocpi.Party, error) {
	to, other, err := x.addressee()
	if err != nil || other {
		return to, err
	}
	for _, id := range cdrs[:min(len(cdrs), maxAsked)] {
		to, ok, err := x.otherParty(owner, ocpi.Fold(id))
		if err != nil || ok {
			return to, err
		}
	}
	return to, wrongParameter("cdrs", "none of them is known here: name whom the invoice is for with OCPI-to-country-code and OCPI-to-party-id")
}

// maxAsked bounds how many CDRs of a record are looked up, and under how many
// CPOs one is that an eMSP lists: its id does not say whose it is.
const maxAsked = 20

// otherParty returns the other party of a CDR that an owner of invoices lists.
func (x *exchange) otherParty(owner ocpi.Party, id string) (other ocpi.Party, ok bool, err error) {
	if x.partner.Charging().Owns(owner) {
		debtor, err := x.debtor(ocpi.Key{Party: owner, ID: id})
		if err != nil || !debtor.IsZero() {
			return debtor, !debtor.IsZero(), err
		}
	}
	if !x.partner.Mobility().Owns(owner) {
		return other, false, nil
	}
	for _, cpo := range x.operators(maxAsked) {
		debtor, err := x.debtor(ocpi.Key{Party: cpo, ID: id})
		if err != nil || debtor == owner {
			return cpo, err == nil, err
		}
	}
	return other, false, nil
}

// operators returns at most n of the CPOs there are.
func (x *exchange) operators(n int) (list []ocpi.Party) {
	for _, p := range x.s.Partners.All() {
		for _, cpo := range p.Charging().Parties {
			if len(list) == n {
				return list
			}
			list = append(list, cpo)
		}
	}
	return list
}

// debtor returns who is to pay a CDR as it says itself, nobody where there is none.
func (x *exchange) debtor(key ocpi.Key) (ocpi.Party, error) {
	raw, v, err := x.stored(key)
	if errors.Is(err, settlement.ErrNotFound) {
		return ocpi.Party{}, nil
	}
	if err != nil {
		return ocpi.Party{}, err
	}
	var d ocpi.Decoder
	cdr, err := d.CDR(v, raw)
	if err != nil {
		return ocpi.Party{}, fmt.Errorf("read CDR %s: %w", key, err)
	}
	if debtor := cdr.Debtor(); !debtor.IsZero() || x.s.Known.Token == nil {
		return debtor, nil
	}
	token, _ := x.s.Known.Token(cdr.Token.ContractID, cdr.Start)
	return ocpi.NewParty(token.CountryCode, token.PartyID), nil
}
