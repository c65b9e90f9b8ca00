package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// Authorization is one real-time authorization of a Token that was answered to a CPO
// (OCPI 2.2.1 mod_tokens, "AuthorizationInfo").
type Authorization struct {
	Reference string `json:"authorization_reference,omitempty"` // "" where none was given
	Allowed   string `json:"allowed"`
	EMSP      string `json:"emsp"` // "NL*EXW"
	UID       string `json:"uid"`
	Contract  string `json:"contract_id,omitempty"`
	Location  string `json:"location_id,omitempty"` // where it was asked for
	By        string `json:"by"`                    // "emsp", or "store" where the eMSP was not asked
	At        string `json:"at"`                    // when, as OCPI writes it
}

// Who answered an Authorization.
const (
	ByEMSP  = "emsp"
	ByStore = "store"
)

// TokenAt is which Token of whom is meant at a CPO: what authorizations are kept by.
func TokenAt(cpo ocpi.Party, uid, kind string) Identity {
	return Identity{Object: ObjectAuthorization, Key: ocpi.NewKey(cpo.Country, cpo.ID, uid), Variant: ocpi.Fold(kind)}
}

// Annotation is the note of it, for the CPO that asked, in a version, as a partner.
func (a *Authorization) Annotation(cpo ocpi.Party, kind string, v ocpi.Version, sender string) (Annotation, error) {
	id := TokenAt(cpo, a.UID, kind)
	body, err := json.Marshal(a)
	if err != nil {
		return Annotation{}, fmt.Errorf("encode authorization of %s: %w", id, err)
	}
	return Annotation{Object: id.Object, Key: id.Key, Variant: id.Variant, Version: v, Sender: sender, Body: body}, nil
}

// Authorizations reads what a state of ObjectAuthorization holds: the last
// authorizations of a Token at a CPO, the oldest first.
func Authorizations(state *ObjectState) ([]Authorization, error) {
	var list []Authorization
	if err := json.Unmarshal(state.Body, &list); err != nil {
		return nil, fmt.Errorf("read %s at %s: %w", state.Identity(), state.Position, err)
	}
	return list, nil
}

// authorizedBefore is how long before its start a charge may have been authorized.
const authorizedBefore = ocpi.Time(time.Hour)

// AuthorizationOf returns the authorization that a CDR should name: of those that
// allowed its Token, from an hour before the charge began until it ended and at its
// Location, the one that it names, else the last (OCPI 2.2.1 mod_cdrs,
// "authorization_reference"); nil where there is none. named reports whether the CDR
// names it, and no other eMSP's.
func AuthorizationOf(list []Authorization, c *ocpi.CDR) (found *Authorization, named bool) {
	reference := ocpi.Fold(c.AuthorizationReference)
	for i := range list {
		a := &list[i]
		at, _, err := ocpi.ParseTime(a.At)
		within := err == nil && at >= c.Start-authorizedBefore && (!c.End.IsSet() || at <= c.End)
		elsewhere := a.Location != "" && c.Location.ID != "" && ocpi.Fold(a.Location) != ocpi.Fold(c.Location.ID)
		if a.Reference == "" || a.Allowed != "ALLOWED" || !within || elsewhere {
			continue
		}
		found = a
		if ocpi.Fold(a.Reference) == reference {
			debtor := c.Token.Party()
			return a, debtor.IsZero() || debtor.String() == a.EMSP
		}
	}
	return found, false
}

// OtherAuthorization is the finding of a CDR that does not name an authorization that
// its charge was given.
func OtherAuthorization(a *Authorization, c *ocpi.CDR) ocpi.Finding {
	given := fmt.Sprintf("%s gave %s at %s", a.EMSP, a.Reference, a.At)
	detail := "none is named, and " + given
	switch {
	case ocpi.Fold(c.AuthorizationReference) == ocpi.Fold(a.Reference):
		detail = given + ", and the CDR is for " + c.Token.Party().String()
	case c.AuthorizationReference != "":
		detail = fmt.Sprintf("%.40q is named, and %s", c.AuthorizationReference, given)
	}
	return ocpi.Finding{Code: "other_authorization", Severity: ocpi.Warning, Path: "authorization_reference", Detail: detail}
}

// SaysAuthorization reports whether a CDR says by which authorization it was charged,
// or that there was one: what is held against those that were given.
func SaysAuthorization(c *ocpi.CDR) bool {
	return c.Version != ocpi.V211 && c.Token.UID != "" && !c.Credit && (c.AuthorizationReference != "" || c.AuthMethod == "AUTH_REQUEST")
}

// lookWithin is how long the store may take to say which authorizations a Token was
// given. The CDR is accepted in any case, and shows it whenever it is read.
const lookWithin = 250 * time.Millisecond

// authorized finds that a CDR names another authorization than its charge was given.
func (s *Service) authorized(ctx context.Context, e *Envelope, c *ocpi.CDR) []ocpi.Finding {
	if !SaysAuthorization(c) {
		return nil
	}
	id := TokenAt(e.Key.Party, c.Token.UID, c.Token.Type)
	if s.current.RulesOut(id) {
		return nil
	}
	id.Key.ID, id.Variant = strings.Clone(id.Key.ID), strings.Clone(id.Variant) // the body is used again, and the question may outlive it
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	state, ok, err := s.current.Peek(ctx, Target{Object: id.Object, Key: id.Key, Variant: id.Variant})
	if err != nil || !ok {
		return nil // there is none, or it cannot be known now
	}
	list, err := Authorizations(&state)
	if err != nil {
		return nil // of a newer version
	}
	a, named := AuthorizationOf(list, c)
	if a == nil || named {
		return nil
	}
	return []ocpi.Finding{OtherAuthorization(a, c)}
}
