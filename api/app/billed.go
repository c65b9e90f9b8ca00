package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// billed reads the CDR of a charge: of its Session, or, since OCPI 2.1.1 names none there, the
// one that is like it. Where several are, nobody knows which.
func (s *server) billed(ctx context.Context, who *caller, c *charge) error {
	session := c.Command.Session.Key()
	key, ok, err := s.Charges.SessionCDR(ctx, session.Party, session.ID)
	if err != nil {
		return err
	}
	if ok {
		c.cdr, err = s.billOf(ctx, who, key)
		return err
	}
	if c.session == nil || c.session.Version != ocpi.V211 || !c.session.Start.IsSet() {
		return nil
	}
	keys, err := s.Charges.ChargeCDRs(ctx, settlement.ChargeQuery{
		CPO: session.Party, Debtor: c.Key.Party, Location: ocpi.Fold(c.session.LocationID), From: c.session.Start - apart, To: c.session.Start + apart,
	}, maxBills)
	if err != nil {
		return err
	}
	var like []*settlement.CDRDetail
	for _, key := range keys {
		cdr, err := s.billOf(ctx, who, key)
		if err != nil {
			return err
		}
		if cdr != nil && bills(cdr, c.session) {
			like = append(like, cdr)
		}
	}
	if len(like) == 1 && len(keys) < maxBills {
		c.cdr = like[0]
		return nil
	}
	c.bills = like
	return nil
}

// maxBills bounds how many CDRs are looked at for a charge; where there are as many, others
// may be like it too.
const maxBills = 20

// billOf reads a CDR, nil where another is known to pay for it.
func (s *server) billOf(ctx context.Context, who *caller, key ocpi.Key) (*settlement.CDRDetail, error) {
	cdr, err := s.Charges.CDR(ctx, key)
	if errors.Is(err, settlement.ErrNotFound) {
		return nil, nil // it is about to come
	}
	if err != nil {
		return nil, fmt.Errorf("read CDR %s: %w", key, err)
	}
	if sees := s.scope(who, ingest.ObjectCDR); !cdr.EMSP.IsZero() && !sees.Holds(cdr.Key.Party, cdr.EMSP) {
		return nil, nil
	}
	return cdr, nil
}

// How far a CDR and its Session may be apart, of which both say when the charge began: at one
// EVSE as clocks of stations go wrong, so that they meet; else by what is cut off of a second.
const (
	apart = ocpi.Time(2 * time.Minute)
	cut   = ocpi.Time(time.Second)
)

// bills reports whether a CDR that names no Session may be of one: by its contract, place and
// time.
func bills(d *settlement.CDRDetail, o *ocpi.Session) bool {
	cdr, err := new(ocpi.Decoder).CDRToPrice(d.Version, d.Raw)
	if err != nil {
		return false // of an older decoder: nobody can say whose it is
	}
	within, at := cut, &cdr.Location
	if o.EVSEUID != "" && at.EVSEUID != "" && o.End.IsSet() { // there is one charge at a time
		within = apart
	}
	switch {
	case cdr.SessionID != "", ocpi.FoldContractID(cdr.Token.ContractID) != ocpi.FoldContractID(o.Token.ContractID):
		return false
	case ocpi.Fold(at.ID) != ocpi.Fold(o.LocationID), differ(at.EVSEUID, o.EVSEUID), differ(at.ConnectorID, o.ConnectorID):
		return false
	case cdr.Start < o.Start-within, cdr.Start > o.Start+within:
		return false
	}
	return cdr.End >= o.Start && (!o.End.IsSet() || cdr.Start <= o.End)
}

// differ reports whether two ids are known, and not the same.
func differ(a, b string) bool { return a != "" && b != "" && ocpi.Fold(a) != ocpi.Fold(b) }
