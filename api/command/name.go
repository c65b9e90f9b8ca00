package command

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
)

// digest is a SHA-256 of texts.
func digest(texts ...string) []byte {
	h := sha256.New()
	for _, t := range texts {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(t))))
		h.Write([]byte(t))
	}
	return h.Sum(nil)
}

// Name is under what a party keeps what a text stands for: kind is two letters, with I or
// O in them, so that no ULID is like it.
func Name(party ocpi.Party, kind string, texts ...string) ocpi.Key {
	return ocpi.Key{Party: party, ID: ocpi.Fold(kind + "-" + hex.EncodeToString(digest(texts...)[:16]))}
}

// maxNumbers bounds how many numbers are tried for a reservation.
const maxNumbers = 20

// reservation returns the number that stands for an eMSP's reservation at a CPO of OCPI
// 2.1.1, which knows numbers alone, and not whose they are. It is the same each time,
// and no other reservation's at that CPO.
func (d *Desk) reservation(ctx context.Context, cpo, party ocpi.Party, id string) (string, error) {
	whose := party.String() + " " + ocpi.Fold(id)
	for try := range maxNumbers {
		sum := digest(cpo.String(), whose, strconv.Itoa(try))
		n := strconv.FormatUint(uint64(binary.BigEndian.Uint32(sum)&0x7fffffff), 10)
		stands, err := d.Point(ctx, ocpi.Key{Party: cpo, ID: "IN-" + n}, objects.CommandPoint{To: whose})
		if err != nil {
			return "", err
		}
		if stands.To == whose {
			return n, nil
		}
	}
	return "", fmt.Errorf("%w: no number is free for reservation %s at %s", ingest.ErrOverload, id, cpo)
}

// several stands for more than one CPO.
const several = "several"

// reserved notes at which CPO an eMSP has a reservation, until that ends.
func (d *Desk) reserved(ctx context.Context, e *Entry) error {
	left := e.Command.Expiry - ocpi.TimeOf(d.Now())
	if left <= 0 {
		return nil
	}
	until := objects.CommandPoint{To: e.Command.CPO, For: int((left + ocpi.Time(ocpi.Second) - 1) / ocpi.Time(ocpi.Second))}
	id := ocpi.Fold(ocpi.Text(e.Command.Body, "reservation_id"))
	stands, err := d.rename(ctx, Name(e.Key.Party, "IR", id), until)
	if err == nil && stands.To != until.To {
		until.To = several
		_, err = d.rename(ctx, Name(e.Key.Party, "IS", id), until)
	}
	return err
}

// unreserved notes that an eMSP has a reservation no more.
func (d *Desk) unreserved(ctx context.Context, e *Entry) error {
	id := ocpi.Fold(ocpi.Text(e.Command.Body, "reservation_id"))
	name := Name(e.Key.Party, "IR", id)
	if stands, ok, err := d.point(ctx, name); err != nil || !ok || stands.To != e.Command.CPO {
		return err
	}
	return d.append(ctx, name, ocpi.V221, "", objects.CommandPointer, objects.CommandPoint{To: e.Command.CPO, Over: true})
}

// ReservedAt returns the CPO at which an eMSP has a reservation; ok is false where none
// is known, and ambiguous is true where more than one is.
func (d *Desk) ReservedAt(ctx context.Context, party ocpi.Party, id string) (cpo ocpi.Party, ambiguous, ok bool, err error) {
	if _, ambiguous, err = d.point(ctx, Name(party, "IS", ocpi.Fold(id))); err != nil || ambiguous {
		return cpo, ambiguous, false, err
	}
	p, ok, err := d.point(ctx, Name(party, "IR", ocpi.Fold(id)))
	if err != nil || !ok {
		return cpo, false, false, err
	}
	cpo, ok = ocpi.ParseParty(p.To)
	return cpo, false, ok, nil
}
