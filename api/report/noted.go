package report

import (
	"context"
	"fmt"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// Noted reads what we noted ourselves beside CDRs: an *objects.Follower.
type Noted interface {
	Get(ctx context.Context, t ingest.Target) (s ingest.ObjectState, ok bool, err error)
}

// Beside is what was noted beside a CDR: the real-time authorization that its charge was
// given, nil where none is known, and whether the CDR names it.
type Beside struct {
	Authorization *ingest.Authorization
	Named         bool

	findings []ocpi.Finding
}

// Text says which authorization the charge was given, "" where none is known.
func (b *Beside) Text() string {
	a := b.Authorization
	switch {
	case a == nil:
		return ""
	case a.By == ingest.ByStore:
		return fmt.Sprintf("%s, given for %s at %s by what it had pushed", a.Reference, a.EMSP, a.At)
	}
	return fmt.Sprintf("%s, given by %s at %s", a.Reference, a.EMSP, a.At)
}

// authorizationJSON is the real-time authorization of a charge.
type authorizationJSON struct {
	Reference string `json:"authorization_reference"`
	EMSP      string `json:"emsp"`
	By        string `json:"by"` // emsp, or store where the eMSP was not asked
	At        string `json:"at"`
	Named     bool   `json:"named"` // by the CDR
}

func newAuthorization(b *Beside) *authorizationJSON {
	if b.Authorization == nil {
		return nil
	}
	a := b.Authorization
	return &authorizationJSON{Reference: a.Reference, EMSP: a.EMSP, By: a.By, At: a.At, Named: b.Named}
}

// readBeside reads what was noted beside a CDR.
func readBeside(ctx context.Context, n Noted, d *settlement.CDRDetail) (*Beside, error) {
	b := &Beside{}
	if n == nil {
		return b, nil
	}
	delivery, ok, err := read(ctx, n, ingest.DeliveryOf(d.Key))
	if err != nil {
		return nil, err
	}
	if ok {
		said, err := ingest.ReadDelivery(&delivery)
		if err != nil {
			return nil, err
		}
		if said.Refused() && (d.EMSP.IsZero() || said.Recipient == d.EMSP.String()) { // else a copy's, which does not count
			b.findings = append(b.findings, said.RefusedByRecipient())
		}
	}
	cdr, err := new(ocpi.Decoder).CDR(d.Version, d.Raw)
	if err != nil || !ingest.SaysAuthorization(cdr) {
		return b, nil // one that an older decoder could read
	}
	given, ok, err := read(ctx, n, ingest.TokenAt(d.Key.Party, cdr.Token.UID, cdr.Token.Type))
	if err != nil || !ok {
		return b, err
	}
	list, err := ingest.Authorizations(&given)
	if err != nil {
		return nil, err
	}
	if b.Authorization, b.Named = ingest.AuthorizationOf(list, cdr); b.Authorization != nil && !b.Named {
		b.findings = append(b.findings, ingest.OtherAuthorization(b.Authorization, cdr))
	}
	return b, nil
}

func read(ctx context.Context, n Noted, id ingest.Identity) (ingest.ObjectState, bool, error) {
	s, ok, err := n.Get(ctx, ingest.Target{Object: id.Object, Key: id.Key, Variant: id.Variant})
	if err != nil {
		return s, false, fmt.Errorf("read %s: %w", id, err)
	}
	return s, ok && s.Object == id.Object, nil
}
