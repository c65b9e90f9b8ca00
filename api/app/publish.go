package app

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// publishToken is an entry of publish_allowed_to (mod_locations, PublishTokenType): the
// owner of a Token that has all that is set in it may be shown the Location.
type publishToken struct {
	UID          string `json:"uid"`
	Type         string `json:"type"`
	VisualNumber string `json:"visual_number"`
	Issuer       string `json:"issuer"`
	GroupID      string `json:"group_id"`
}

// maxPublishTokens bounds the entries that are looked at.
const maxPublishTokens = 100

// shows reports whether a Location may be shown to the caller: one that is not published
// only where a Token of the caller's is in publish_allowed_to. Entries without a uid name
// no Token that could be looked up.
func (f *finder) shows(ctx context.Context, l *ocpi.Location) (bool, error) {
	if !l.Hidden {
		return true, nil
	}
	var allowed []publishToken
	if l.AllowedTo != "" {
		_ = json.Unmarshal([]byte(l.AllowedTo), &allowed) // what cannot be read allows nobody
	}
	for i, t := range allowed {
		if i == maxPublishTokens {
			break
		}
		if ok, err := f.hasToken(ctx, &t); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// hasToken reports whether the caller has a Token that an entry means.
func (f *finder) hasToken(ctx context.Context, t *publishToken) (bool, error) {
	if t.UID == "" || t.Type == "" {
		return false, nil
	}
	target := ingest.Target{Object: ingest.ObjectToken, Key: ocpi.Key{Party: f.who.party, ID: ocpi.Fold(t.UID)}, Variant: ocpi.Fold(t.Type)}
	s, ok, err := f.Objects.Get(ctx, target)
	if err != nil || !ok {
		return false, wrapped("read tokens", err)
	}
	for name, want := range map[string]string{"visual_number": t.VisualNumber, "issuer": t.Issuer, "group_id": t.GroupID} {
		if want != "" && !strings.EqualFold(ocpi.Text(s.Body, name), want) {
			return false, nil
		}
	}
	return true, nil
}
