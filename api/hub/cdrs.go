package hub

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// postCDR accepts one CDR (OCPI 2.2.1 mod_cdrs, "POST Method"). A repeat is
// answered like the first: the same Location, made of the folded identity.
func (x *exchange) postCDR() (answer, error) {
	receipt, err := x.s.Intake.CDR(x.r.Context(), x.sender(), x.route.version, x.body)
	if errors.Is(err, ingest.ErrUnknownObject) {
		return answer{}, &ocpi.Invalid{Fields: []ocpi.FieldError{{
			Path: "country_code, party_id", Reason: "not a party of yours with the role CPO",
		}}}
	}
	if err != nil {
		return answer{}, err
	}
	message, conflict := x.conflict(&receipt)
	return answer{
		created:  true,
		message:  successMessage(message, receipt.Findings),
		location: x.cdrURL(receipt.Key),
		receipt:  receipt.Position.String(),
		conflict: conflict,
	}, nil
}

func (x *exchange) cdrURL(k ocpi.Key) string {
	return x.origin() + Prefix + cdrsReceiver + "/" + url.PathEscape(k.Party.Country) + "/" + url.PathEscape(k.Party.ID) + "/" + url.PathEscape(k.ID)
}

// How long GET waits for the store to catch up with the log, and how often it
// asks.
const (
	catchUpLimit = 2 * time.Second
	firstPause   = 10 * time.Millisecond
	longestPause = 160 * time.Millisecond
)

// getCDR serves a CDR back under the Location it was given, at once: where the
// store lags it waits a moment, and then answers 503 rather than a wrong 404.
func (x *exchange) getCDR() (answer, error) {
	t, err := x.target()
	if err != nil {
		return answer{}, err
	}
	raw, v, err := x.stored(t.Key)
	if err != nil {
		return answer{}, err
	}
	return x.raw(raw, v)
}

// stored reads a CDR's first copy, and waits for the store to catch up.
func (x *exchange) stored(key ocpi.Key) ([]byte, ocpi.Version, error) {
	ctx, cancel := context.WithTimeout(x.r.Context(), catchUpLimit)
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		raw, v, err := x.s.CDRs.CDR(ctx, key)
		if !errors.Is(err, settlement.ErrNotYet) {
			return raw, v, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, 0, fmt.Errorf("%w: %w", err, ctx.Err())
		}
	}
}

// raw answers with an object as it was sent. One that came in another OCPI
// version is not shown in this one's shape until it can be converted. A large one
// that was read for this answer alone is held until it is written, as a page of a
// list is, and takes the place of one.
func (x *exchange) raw(raw []byte, v ocpi.Version) (answer, error) {
	if v != x.route.version {
		return answer{}, fmt.Errorf("object was sent in OCPI %s, cannot be shown in %s", v, x.route.version)
	}
	if o := x.route.object; len(raw) > maxKept && (o == ingest.ObjectCDR || o == ingest.ObjectSession) {
		if err := x.enterList(); err != nil {
			return answer{}, err
		}
	}
	return answer{data: raw}, nil
}
