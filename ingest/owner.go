package ingest

import (
	"context"
	"fmt"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// identify returns which CDR it is. One of OCPI 2.1.1 does not say whose: it is the
// connection's party's; of several the one's that the sender speaks for (OCPI-from),
// else the one's whose Location it names. It comes by push and by pull, and a pull
// says less: what is here already stays with the party that it was given to.
func (s *Service) identify(ctx context.Context, from Sender, cdr *ocpi.CDR, body []byte) (ocpi.Key, error) {
	if cdr.Version != ocpi.V211 || len(from.Parties) <= 1 {
		return cdr.Key(from.first()), nil
	}
	if from.Owns(from.Acting) {
		return s.acting(ctx, from, cdr, body), nil
	}
	for _, party := range from.Parties {
		if s.here(ctx, cdr.Key(party), body) {
			return cdr.Key(party), nil
		}
	}
	owners, err := located(ctx, s.current.Get, from.Parties, cdr.Location.ID)
	if err != nil {
		return ocpi.Key{}, err
	}
	if len(owners) == 1 {
		return cdr.Key(owners[0]), nil
	}
	return ocpi.Key{}, invalid("location.id", fmt.Sprintf("%d of your %d parties have this Location, and a CDR of OCPI 2.1.1 does not say whose it is: send OCPI-from-country-code and OCPI-from-party-id with it",
		len(owners), len(from.Parties)))
}

// acting is identify for a sender that says which party it speaks for. Only where the
// Location is another one's a pull may have given the CDR to that one before. What
// cannot be read now does not keep the CDR waiting: the sender has said whose it is.
func (s *Service) acting(ctx context.Context, from Sender, cdr *ocpi.CDR, body []byte) ocpi.Key {
	own := cdr.Key(from.Acting)
	owners, err := located(ctx, s.current.Peek, from.Parties, cdr.Location.ID)
	if err != nil || len(owners) != 1 || owners[0] == from.Acting {
		return own
	}
	if other := cdr.Key(owners[0]); s.here(ctx, other, body) {
		return other
	}
	return own
}

// located returns those of some parties that have a Location.
func located(ctx context.Context, read func(context.Context, Target) (ObjectState, bool, error), parties []ocpi.Party, id string) (owners []ocpi.Party, err error) {
	id = strings.Clone(ocpi.Fold(id))
	for _, party := range parties {
		key := ocpi.Key{Party: party, ID: id}
		_, known, err := read(ctx, Target{Object: ObjectLocation, Key: key})
		if err != nil {
			return nil, fmt.Errorf("find whose Location %s is: %w", key, err)
		}
		if known {
			owners = append(owners, party)
		}
	}
	return owners, nil
}

// here reports whether a CDR came before under a key: two parties may have one of the
// same id, but not of the same moment. Where the store is away nothing is known of
// it, for a CDR must not wait for that.
func (s *Service) here(ctx context.Context, key ocpi.Key, body []byte) bool {
	if s.recent.look(key, body) == EarlierSame {
		return true
	}
	if s.First == nil {
		return false
	}
	first, ok, err := s.First(ctx, key)
	const begun = "start_date_time"
	return err == nil && ok && ocpi.Text(first, begun) == ocpi.Text(body, begun)
}
