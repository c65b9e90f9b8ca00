package objects

import (
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// Invoices is the Fold of InvoiceReconciliationRecords: PUT replaces, DELETE
// hides, as for an object that was an error altogether (OCPI 2.3.0
// mod_invoice_reconciliation).
type Invoices struct{}

// Kind implements Fold.
func (Invoices) Kind() ingest.Object { return ingest.ObjectInvoice }

// Warm implements Fold: they are read a few times and then never again.
func (Invoices) Warm() bool { return false }

// Apply implements Fold.
func (Invoices) Apply(old *ingest.ObjectState, r *ingest.Record) (*ingest.ObjectState, error) {
	if r.Method == ingest.MethodDelete {
		if standing(old) == nil {
			return nil, ingest.ErrUnknownObject
		}
		gone := *old
		gone.Position, gone.Received, gone.Deleted, gone.Body = r.Position, r.Received, true, nil
		return &gone, nil
	}
	s, err := Merge(old, r)
	if err != nil {
		return nil, err
	}
	err = Decode(func(d *ocpi.Decoder) error {
		o, err := d.InvoiceReconciliation(s.Version, s.Body)
		if err == nil {
			s.LastUpdated = o.LastUpdated
			s.With, _ = ocpi.ParseParty(r.Path) // whom it is for
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := leave(old, s); err != nil {
		return nil, err
	}
	return s, nil
}

// Folded implements Fold.
func (Invoices) Folded(*ingest.ObjectState) {}
