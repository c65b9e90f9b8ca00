package hub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/partner"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/ocpi/convert"
	"github.com/roamclear/roamclear/settlement"
)

// postCDR accepts one CDR (OCPI 2.2.1 mod_cdrs, "POST Method"). A repeat is
// answered like the first: the same Location, made of the folded identity.
func (x *exchange) postCDR() (answer, error) {
	if err := x.sameInURL(); err != nil {
		return answer{}, x.refuse(ingest.Target{Object: x.route.object}, err)
	}
	receipt, err := x.s.Intake.CDR(x.r.Context(), x.creditor(), x.route.version, x.body)
	if err != nil {
		return answer{}, creditorsOwn(err)
	}
	x.pushed = ingest.Target{Object: ingest.ObjectCDR, Key: receipt.Key, ID: receipt.ID}
	message, conflict := x.conflict(&receipt)
	switch {
	case conflict != "":
		x.found(ingest.ChangedCDR)
	case receipt.Earlier != ingest.EarlierUnknown:
		x.found(ingest.RepeatedCDR)
	}
	return answer{
		created:  true,
		message:  successMessage(message, receipt.Findings),
		location: x.cdrURL(receipt.Key),
		receipt:  receipt.Position.String(),
		conflict: conflict,
	}, nil
}

// creditorsOwn is the error of a CDR: one of another party says so in its members, which
// are what is wrong, for no URL names it.
func creditorsOwn(err error) error {
	if errors.Is(err, ingest.ErrUnknownObject) {
		return &ocpi.Invalid{Fields: []ocpi.FieldError{{Path: "country_code, party_id", Reason: "not a party of yours with the role CPO"}}}
	}
	return err
}

// creditor is whom a CDR may be of. One of OCPI 2.1.1 does not say whose it is: of
// a partner's parties OCPI-from may name one.
func (x *exchange) creditor() ingest.Sender {
	from := x.sender()
	named := x.from()
	if x.route.version == ocpi.V211 && from.Owns(named) {
		from.Acting = named
	}
	return from
}

// sameInURL refuses a CDR that was posted to the URL of another one. Behind the
// module's URL some add the id, or owner and id.
func (x *exchange) sameInURL() error {
	country, party, id := api.Param(x.c, "country"), api.Param(x.c, "party"), api.Param(x.c, "id")
	if party == "" {
		country, id = "", country
	}
	for _, m := range []struct{ name, want string }{{"country_code", country}, {"party_id", party}, {"id", id}} {
		if m.want == "" {
			continue
		}
		if got := ocpi.Text(x.body, m.name); got != "" && ocpi.Fold(got) != ocpi.Fold(m.want) {
			return wrongParameter(m.name, "is not the one in the URL")
		}
	}
	return nil
}

func (x *exchange) cdrURL(k ocpi.Key) string {
	return x.origin() + Prefix + x.route.base + "/" + partner.Segment(k.Party.Country) + "/" + partner.Segment(k.Party.ID) + "/" + partner.Segment(k.ID)
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
	return x.show(convert.CDR, ingest.Identity{Object: ingest.ObjectCDR, Key: t.Key}, v, raw)
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
