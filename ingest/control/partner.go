package control

import (
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// Partner is one platform that talks OCPI to us. One that was
// handed out never changes.
type Partner struct {
	ID       string
	Name     string
	Roles    []Role
	Encoding TokenEncoding
	Profile  string // name of the policy profile, "" = the default
	Version  uint64 // grows by one with every change, from 1
	Tokens   []Token

	rotated            int64 // offset of the last rotation
	charging, mobility ingest.Sender
}

// RotationUntil returns when the old token of a rotation under way ends; ok is
// false where none is good any more.
func (p *Partner) RotationUntil() (until ocpi.Time, ok bool) {
	if len(p.Tokens) < 2 || p.Tokens[1].Until == endedAtOnce {
		return 0, false
	}
	return p.Tokens[1].Until, true
}

// Token is one credential of a partner. Until is the last instant it is
// accepted at, zero when that is not bounded. The newest token stands first;
// a second one is the old token of a rotation under way.
type Token struct {
	Hash  TokenHash
	Until ocpi.Time
}

// Charging returns the partner as the sender of what CPOs own: CDRs,
// Sessions, Locations, Tariffs. The slice in it must not be changed.
func (p *Partner) Charging() ingest.Sender { return p.charging }

// Mobility returns the partner as the sender of what eMSPs own: Tokens, and
// as the reader of the CDRs they owe. The slice in it must not be changed.
func (p *Partner) Mobility() ingest.Sender { return p.mobility }

// Owns reports whether party is one of the partner's, in any role.
func (p *Partner) Owns(party ocpi.Party) bool {
	for _, r := range p.Roles {
		if r.Party() == party {
			return true
		}
	}
	return false
}

func (p *Partner) derive() {
	p.charging, p.mobility = ingest.Sender{ID: p.ID}, ingest.Sender{ID: p.ID}
	for _, r := range p.Roles {
		switch r.Role {
		case RoleCPO:
			p.charging.Parties = append(p.charging.Parties, r.Party())
		case RoleEMSP:
			p.mobility.Parties = append(p.mobility.Parties, r.Party())
		}
	}
}

// Authenticate finds the partner of an Authorization header, "Token x" with x
// as it is or in Base64 (OCPI 2.2.1 transport, "Authorization header"). The
// exact token wins over what it decodes to, because a raw token may look like
// Base64. The new token of a rotation ends the old one once it is seen here.
func (d *Partners) Authenticate(authorization string) (*Partner, bool) {
	p, fresh, ok := d.state.Current().authenticate(authorization, d.machine.now())
	if fresh {
		select {
		case d.confirm <- freshToken{p.ID, p.Tokens[0].Hash, p.rotated}:
		default: // the next request with this token asks again
		}
	}
	return p, ok
}

// authenticate is Authenticate at an instant. fresh says that the token is the
// new one of a rotation under way.
func (s *partners) authenticate(authorization string, now ocpi.Time) (p *Partner, fresh, ok bool) {
	credentials, ok := cutScheme(authorization, "Token")
	if !ok {
		return nil, false, false
	}
	raw, decoded, isBase64 := hashCredentials(credentials)
	if p, ok := s.byToken.Get(raw); ok && p.Encoding != EncodingBase64 && p.accepts(raw, now) {
		return p, p.isFresh(raw), true
	}
	if !isBase64 {
		return nil, false, false
	}
	if p, ok := s.byToken.Get(decoded); ok && p.Encoding != EncodingRaw && p.accepts(decoded, now) {
		return p, p.isFresh(decoded), true
	}
	return nil, false, false
}

// withToken returns the partner that has a token now.
func (s *partners) withToken(token string, now ocpi.Time) (*Partner, bool) {
	h := HashToken(token)
	p, ok := s.byToken.Get(h)
	if !ok || !p.accepts(h, now) {
		return nil, false
	}
	return p, true
}

func (p *Partner) accepts(h TokenHash, now ocpi.Time) bool {
	for _, t := range p.Tokens {
		if t.Hash == h {
			return t.accepted(now)
		}
	}
	return false
}

func (p *Partner) isFresh(h TokenHash) bool { return len(p.Tokens) > 1 && p.Tokens[0].Hash == h }

func (t Token) accepted(now ocpi.Time) bool { return !t.Until.IsSet() || now <= t.Until }
