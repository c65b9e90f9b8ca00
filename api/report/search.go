package report

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

const (
	maxFound  = 20  // of one kind
	maxSought = 255 // bytes
	// searchMonths are those in which places are looked for, the latest ones that there are:
	// no index has them, so their columns are read.
	searchMonths = 3
)

// Numbers finds statements by their numbers.
type Numbers interface {
	// Numbered returns issued statements, without lines, that have a number, as it is
	// written; a few of them at most.
	Numbered(ctx context.Context, number string) ([]rest.Issued, error)
}

// Found is one thing that a search comes to. CDR and Statement are nil where it is a list of
// CDRs, which Query selects.
type Found struct {
	What      string // "CDR", "CDR of the Session", "CDRs at the EVSE", "Statement"
	CDR       *settlement.CDRSummary
	Statement *rest.Issued
	Query     url.Values
}

// Path is the path of what was found below /api/v1, and of its page.
func (f *Found) Path() string {
	switch i := f.Statement; {
	case f.CDR != nil:
		return CDRPath(f.CDR.Key)
	case i != nil:
		return "/statement?" + url.Values{"cpo": {i.CPO.String()}, "emsp": {i.EMSP.String()}, "period": {i.Period.String()}, "currency": {i.Currency}}.Encode()
	}
	return "/cdrs?" + f.Query.Encode()
}

// Search finds what a text names: a statement by its number, a receipt, a CDR or a Session by its id, CDRs whose id
// begins so, an EVSE or a Location at which there were charges of late. Only what the key
// may see is found. The first of these that has anything is what is meant, but that an
// id may be one's of a CDR and of a Session.
func Search(ctx context.Context, key rest.Key, r settlement.Reader, f settlement.Finder, n Numbers, text string) ([]Found, error) {
	text = strings.TrimSpace(text)
	if text == "" || len(text) > maxSought {
		return nil, rest.Invalid("q", "want an id or a receipt of at most %d bytes", maxSought)
	}
	if at, ok := ingest.ParsePosition(text); ok {
		if found, err := searchReceipt(ctx, key, r, f, at); err != nil || found != nil {
			return found, err
		}
	}
	statements, err := searchNumber(ctx, key, n, text)
	if err != nil {
		return nil, err
	}
	id := ocpi.Fold(text)
	byID, err := f.FindCDRs(ctx, key.Party, id, maxFound)
	if err != nil {
		return nil, fmt.Errorf("search %q: %w", text, err)
	}
	bySession, err := f.FindSessionCDRs(ctx, key.Party, id, maxFound)
	if err != nil {
		return nil, fmt.Errorf("search %q: %w", text, err)
	}
	var exact, found []Found
	for i := range byID {
		c := &byID[i]
		if !key.Sees(c.CPO, c.EMSP) {
			continue
		}
		if found = append(found, Found{What: "CDR", CDR: c}); c.Key.ID == id {
			exact = append(exact, found[len(found)-1])
		}
	}
	if len(exact) > 0 {
		found = exact
	}
	for i := range bySession {
		if c := &bySession[i]; key.Sees(c.CPO, c.EMSP) {
			found = append(found, Found{What: "CDR of Session " + c.SessionID, CDR: c})
		}
	}
	if found = append(statements, found...); len(found) > 0 {
		return found, nil
	}
	return searchPlaces(ctx, key, r, text)
}

func searchNumber(ctx context.Context, key rest.Key, n Numbers, text string) (found []Found, err error) {
	if n == nil {
		return nil, nil
	}
	issued, err := n.Numbered(ctx, text)
	if err != nil {
		return nil, fmt.Errorf("search %q: %w", text, err)
	}
	for i := range issued {
		if s := &issued[i]; key.Sees(s.CPO, s.EMSP) {
			found = append(found, Found{What: fmt.Sprintf("Statement %s of %s to %s, %s, %s", s.Number, s.CPO, s.EMSP, s.Period, s.Currency), Statement: s})
		}
	}
	return found, nil
}

func searchReceipt(ctx context.Context, key rest.Key, r settlement.Reader, f settlement.Finder, at ingest.Position) ([]Found, error) {
	k, ok, err := f.FindAt(ctx, at)
	if err != nil || !ok {
		return nil, err
	}
	page, err := r.CDRs(ctx, settlement.CDRQuery{Party: key.Party, CPO: k.Party, ID: k.ID, Limit: 1})
	if err != nil || len(page.CDRs) == 0 {
		return nil, err
	}
	return []Found{{What: "CDR with the receipt", CDR: &page.CDRs[0]}}, nil
}

// searchPlaces looks for charges at an EVSE or a Location in the latest months.
func searchPlaces(ctx context.Context, key rest.Key, r settlement.Reader, text string) (found []Found, err error) {
	months, err := r.Months(ctx, key.Party)
	if err != nil || len(months) == 0 {
		return nil, err
	}
	from, to := months[max(0, len(months)-searchMonths)], months[len(months)-1]
	for _, place := range []struct{ what, param string }{{"CDRs at EVSE ", "evse"}, {"CDRs at Location ", "location"}} {
		q := settlement.CDRQuery{Party: key.Party, From: from, To: to, Limit: 1}
		if place.param == "evse" {
			q.EVSE = ocpi.Fold(text)
		} else {
			q.Location = ocpi.Fold(text)
		}
		page, err := r.CDRs(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("search %q: %w", text, err)
		}
		if len(page.CDRs) > 0 {
			found = append(found, Found{What: place.what + text, Query: url.Values{place.param: {text}, "from": {from.String()}, "to": {to.String()}}})
		}
	}
	return found, nil
}
