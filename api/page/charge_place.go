package page

import (
	"cmp"
	"context"
	"net/url"
	"strings"

	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
)

// namedParty is a party as people know it: Name is "" where nobody said one.
type namedParty struct{ ID, Name string }

// lastMonth is behind all that anything was said for.
const lastMonth = ocpi.Month(999912)

// named says what a party is called on statements of a month, where nothing was said for
// that one what it was called last.
func (s *server) named(p ocpi.Party, month ocpi.Month) namedParty {
	n := namedParty{ID: emspName(p)}
	if s.Clearing.Parties == nil || p.IsZero() {
		return n
	}
	if n.Name = s.Clearing.Parties.Names(p, month).Name; n.Name == "" {
		n.Name = s.Clearing.Parties.Names(p, lastMonth).Name
	}
	return n
}

// bothNames are what a pair is called, "" where nobody named either.
func (s *server) bothNames(cpo, emsp ocpi.Party, month ocpi.Month) string {
	a, b := s.named(cpo, month), s.named(emsp, month)
	if a.Name == "" && b.Name == "" {
		return ""
	}
	return cmp.Or(a.Name, a.ID) + " → " + cmp.Or(b.Name, b.ID)
}

// nameLines adds what the pairs of a list are called.
func (s *server) nameLines(lines []cdrLine) {
	for i := range lines {
		l := &lines[i]
		l.Names = s.bothNames(l.CPO, l.EMSP, l.Month)
	}
}

// chargeFacts list where a charge was and with what.
func chargeFacts(cdr *ocpi.CDR, d *settlement.CDRDetail) (facts []fact) {
	l := &cdr.Location
	evse := l.EVSEID
	if evse == "" {
		evse = l.EVSEUID
	} else if l.EVSEUID != "" && l.EVSEUID != l.EVSEID {
		evse += " (uid " + l.EVSEUID + ")"
	}
	place, at := rest.PlaceOf(d.Raw).String(), d.LocationID
	if place == "" {
		place = at
	}
	token := rest.Joined(" ", cdr.Token.Type, cdr.Token.UID)
	for _, f := range []fact{
		{Name: "Place", Value: place, URL: chargesAt("location", at, d.Month)},
		{Name: "EVSE", Value: evse, URL: chargesAt("evse", l.EVSEID, d.Month)},
		{Name: "Connector", Value: rest.Joined(", ", l.ConnectorID, codeWords(l.ConnectorType), codeWords(l.PowerType), strings.ToLower(codeWords(l.Format)))},
		{Name: "Contract", Value: cdr.Token.ContractID},
		{Name: "Token", Value: token},
	} {
		if f.Value != "" {
			facts = append(facts, f)
		}
	}
	return facts
}

// chargesAt is the address of the charges of a month at a place, "" where nobody can say.
func chargesAt(param, id string, month ocpi.Month) string {
	if id == "" || month.IsZero() {
		return ""
	}
	return address("/cdrs", url.Values{param: {id}, "from": {month.String()}, "to": {month.String()}})
}

// codeWords writes a code of OCPI with spaces.
func codeWords(code string) string { return strings.ReplaceAll(code, "_", " ") }

// chargeZone is the local time of a charge: that of its price, else that of its place,
// else UTC.
func chargeZone(d *settlement.CDRDetail, cdr *ocpi.CDR) *tariff.Zone {
	if z, err := tariff.LoadZone(d.TimeZone); err == nil && d.TimeZone != "" {
		return z
	}
	if z, _, _ := tariff.PlaceZone(cdr.Location.TimeZone, cdr.Location.Country); z != nil {
		return z
	}
	return tariff.FixedZone("UTC", 0)
}

// maxTheirs bounds the readings that a page explains a claim by: each costs as much as
// to find it.
const maxTheirs = 3

// theirs explains the claim of a CDR by each of the readings that give it, by none where
// one is arithmetic on our own price, or takes several elements within a period.
func (s *server) theirs(ctx context.Context, d *settlement.CDRDetail, why *pricing.Reconciliation) (all []*tariff.Explanation, err error) {
	if why == nil || why.Verdict != string(tariff.VerdictFound) && why.Verdict != string(tariff.VerdictSeveral) ||
		len(why.Readings)+why.More > maxTheirs || !d.AsOf.Kept() || s.Tariffs == nil || !s.Tariffs.Ready() {
		return nil, nil
	}
	rec := ingest.Record{Position: d.Position, Body: d.Raw}
	rec.Key, rec.Version, rec.Received = d.Key, d.Version, ocpi.TimeOf(d.Received)
	for i := range why.Readings {
		if strings.HasPrefix(why.Readings[i].Code, "period_split") {
			return nil, nil
		}
		x, err := pricing.Theirs(ctx, s.Tariffs.View(), &rec, d.AsOf, d.Profile, &why.Readings[i])
		if err != nil || x == nil {
			return nil, err
		}
		all = append(all, x)
	}
	return all, nil
}
