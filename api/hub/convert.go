package hub

import (
	"errors"
	"fmt"
	"strings"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/ocpi/convert"
	"github.com/roamclear/roamclear/settlement"
)

// lostHeader says what an object lost because it was asked for in another OCPI
// version than it was sent in, see convert.Lost.
const lostHeader = "X-Roamclear-Lost"

// show answers with an object: as it was sent where the route is of the same
// version, else converted, with what was lost. A large one that was read for this
// answer alone is held until it is written, as a page of a list is, and takes the
// place of one.
func (x *exchange) show(kind convert.Kind, id ingest.Identity, v ocpi.Version, body []byte) (answer, error) {
	charge := x.charge(id, v, body)
	if err := x.complete(charge); err != nil {
		return answer{}, err
	}
	if o := x.route.object; len(body) > maxKept && (o == ingest.ObjectCDR || o == ingest.ObjectSession) {
		if err := x.enterList(); err != nil {
			return answer{}, err
		}
	}
	r, err := x.convert(kind, v, body, id.Key.Party, charge)
	if refused, ok := errors.AsType[*convert.Refused](err); ok {
		return answer{}, wrongParameter(refused.Path, fmt.Sprintf("%s: it was sent in OCPI %s and cannot be shown in %s", refused.Reason, v, x.route.version))
	}
	if err != nil {
		return answer{}, err
	}
	if len(r.Lost) > 0 {
		x.setHeader(lostHeader, convert.Lost(r.Lost))
	}
	return answer{data: r.Body}, nil
}

// convert returns a body in the route's version. The error is a *convert.Refused
// where that version has no words for it, or would give it another price.
func (x *exchange) convert(kind convert.Kind, v ocpi.Version, body []byte, owner ocpi.Party, charge *settlement.Charge) (convert.Result, error) {
	to := x.route.version
	if v == to {
		return convert.Result{Body: body}, nil
	}
	known := x.known(owner)
	if charge != nil {
		known.Token = func(string, ocpi.Time) (ocpi.CDRToken, bool) { return charge.Token, !charge.Token.Party().IsZero() }
		known.Location = func(string, ocpi.Time) ([]byte, ocpi.Version) { return charge.Place, charge.Version }
	}
	r, err := convert.Convert(kind, v, to, body, known)
	if _, refused := errors.AsType[*convert.Refused](err); refused {
		x.s.Metrics.NotConverted(kind.String(), v, to)
		return r, err
	}
	if err != nil {
		return r, fmt.Errorf("convert a %s of %s from OCPI %s to %s: %w", kind, owner, v, to, err)
	}
	if len(r.Lost) > 0 {
		x.s.Metrics.Lost(kind.String(), v, to, len(r.Lost))
	}
	return r, nil
}

// known is what conversions ask for about the objects of an owner, as they are now; of
// a charge see convert. What cannot be read now counts as not known: it is told as lost, and nothing rests on it.
func (x *exchange) known(owner ocpi.Party) convert.Context {
	asked := map[string]string{} // the Connectors of a Location name the same Tariffs
	return convert.Context{
		Owner: owner, At: ocpi.TimeOf(x.s.Now()), Token: x.s.Known.Token, Zone: x.s.Known.Zone,
		TokenTypes: func(uid string) (types []string) {
			for _, variant := range tokenTypes211 {
				if _, ok := x.current(ingest.ObjectToken, ocpi.Key{Party: owner, ID: ocpi.Fold(uid)}, variant); ok {
					types = append(types, variant)
				}
			}
			return types
		},
		Location: func(id string, _ ocpi.Time) ([]byte, ocpi.Version) {
			l, _ := x.current(ingest.ObjectLocation, ocpi.Key{Party: owner, ID: ocpi.Fold(id)}, "")
			return l.Body, l.Version
		},
		TariffInForce: func(ids []string) (string, bool) {
			key := strings.Join(ids, "\n")
			id, known := asked[key]
			if !known {
				id = x.inForce(owner, ids)
				asked[key] = id
			}
			return id, id != ""
		},
	}
}

func (x *exchange) current(o ingest.Object, key ocpi.Key, variant string) (ingest.ObjectState, bool) {
	ctx, cancel := x.limited()
	defer cancel()
	s, ok, err := x.s.Objects.Get(ctx, ingest.Target{Object: o, Key: key, Variant: variant})
	return s, ok && err == nil
}

// maxInForce bounds how many Tariffs of one Connector are looked at.
const maxInForce = 10

// inForce finds the one of a Connector's Tariffs that a 2.1.1 Connector names: the
// REGULAR one that is valid now, else one without a type, which is for all charges;
// "" where there is none.
func (x *exchange) inForce(owner ocpi.Party, ids []string) (found string) {
	now := ocpi.TimeOf(x.s.Now())
	var d ocpi.Decoder
	for _, id := range ids[:min(len(ids), maxInForce)] {
		s, ok := x.current(ingest.ObjectTariff, ocpi.Key{Party: owner, ID: ocpi.Fold(id)}, "")
		if !ok {
			continue
		}
		t, err := d.Tariff(s.Version, s.Body)
		switch {
		case err != nil || t.Start.IsSet() && now < t.Start || t.End.IsSet() && t.End <= now:
		case t.Type == "REGULAR":
			return id
		case t.Type == "" && found == "":
			found = id
		}
	}
	return found
}

// partKind is the kind of a part of a Location.
func partKind(connector string) convert.Kind {
	if connector == "" {
		return convert.EVSE
	}
	return convert.Connector
}
