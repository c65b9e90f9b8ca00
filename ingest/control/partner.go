package control

import (
	"slices"
	"strings"
	"sync/atomic"

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

	Peer         *Peer       // what it registered, nil where it has not
	Invitation   *Invitation // until it registers
	Pending      []Role      // that it offered and has not been granted
	Counterparty ocpi.Party  // the one party that we are to it in OCPI 2.1.1; zero = our own
	Refuses      []string    // codes of findings that refuse what it sends, ascending
	ByReceived   bool        // dates in its lists of CDRs and Sessions are those of receipt, see ListBy

	Pins             []Pin // certificates that it comes with, in the order they were added
	NeedsCertificate bool  // it must come with one of them

	rotated int64         // offset of the last rotation
	given   ocpi.Time     // see TokenSince
	told    told          // what it knows of others
	contact *atomic.Int64 // see LastContact; shared by all versions of the partner

	charging, publishing, mobility ingest.Sender // see derive
	readers                        []ocpi.Party  // that read what others publish
}

// told is which roles a partner was shown last.
type told struct {
	roles TokenHash // of their list; zero = not noted
	at    ocpi.Time // of the last update, zero where there was none
}

// Stage is how far a partner has come towards registration (OCPI 2.2.1
// credentials, "Registration").
type Stage string

// Stages. A partner that was added by hand pushes with its token and has told us
// nothing of its side.
const (
	StageAdded        Stage = "added"
	StageInvited      Stage = "invited"
	StageRegistered   Stage = "registered"
	StageUnregistered Stage = "unregistered"
)

// Stage returns how far the partner has come.
func (p *Partner) Stage() Stage {
	switch {
	case p.Peer != nil:
		return StageRegistered
	case p.Invitation != nil:
		return StageInvited
	case len(p.Tokens) == 0:
		return StageUnregistered
	}
	return StageAdded
}

// Invited reports whether all that the partner has is a token for registration,
// which opens versions and credentials alone.
func (p *Partner) Invited() bool { return p.Stage() == StageInvited }

// LastContact returns when the partner was last heard of, by this process or as it was
// noted in the log, zero for never.
func (p *Partner) LastContact() ocpi.Time {
	if p.contact == nil {
		return 0 // of no log
	}
	return ocpi.Time(p.contact.Load())
}

// RotationUntil returns when the old token of a rotation under way ends; ok is
// false where none is good any more.
func (p *Partner) RotationUntil() (until ocpi.Time, ok bool) {
	old, ok := p.old()
	if !ok || old.Until == endedAtOnce {
		return 0, false
	}
	return old.Until, true
}

// TokenSince returns since when the partner has its newest token that is not only offered,
// zero where it has none.
func (p *Partner) TokenSince() ocpi.Time {
	if len(p.Tokens) == 0 {
		return 0
	}
	return p.given
}

// Token is one credential of a partner. Until is the last instant it is
// accepted at, zero when that is not bounded. The newest token stands first; a
// second one is the old token of a rotation under way. One that is only offered
// stands last: it is accepted, and ends no other until the partner is known to
// have taken it.
type Token struct {
	Hash    TokenHash
	Until   ocpi.Time
	Offered bool
}

// old returns the old token of a rotation under way.
func (p *Partner) old() (Token, bool) {
	if len(p.Tokens) > 1 && !p.Tokens[1].Offered {
		return p.Tokens[1], true
	}
	return Token{}, false
}

// offered returns the tokens that are only offered.
func (p *Partner) offered() []Token {
	i := slices.IndexFunc(p.Tokens, func(t Token) bool { return t.Offered })
	if i < 0 {
		return nil
	}
	return p.Tokens[i:]
}

// Charging returns the partner as the sender of what CPOs alone own: CDRs and
// Sessions. The slices in it must not be changed.
func (p *Partner) Charging() ingest.Sender { return p.charging }

// Publishing returns the partner as the sender of what CPOs and NAPs own:
// Locations and Tariffs. The slices in it must not be changed.
func (p *Partner) Publishing() ingest.Sender { return p.publishing }

// Mobility returns the partner as the sender of what eMSPs own: Tokens, and
// as the reader of the CDRs they owe. The slice in it must not be changed.
func (p *Partner) Mobility() ingest.Sender { return p.mobility }

// Sender returns the partner as the sender of a kind of object; ok is false of what
// parties of several roles own.
func (p *Partner) Sender(o ingest.Object) (from ingest.Sender, ok bool) {
	switch o {
	case ingest.ObjectCDR, ingest.ObjectSession:
		return p.charging, true
	case ingest.ObjectLocation, ingest.ObjectTariff:
		return p.publishing, true
	case ingest.ObjectToken:
		return p.mobility, true
	}
	return from, false
}

// Owns reports whether party is one of the partner's, in any role.
func (p *Partner) Owns(party ocpi.Party) bool {
	for _, r := range p.Roles {
		if r.Party() == party {
			return true
		}
	}
	return false
}

// derive sets what follows from roles and policies.
func (p *Partner) derive() {
	as := func(roles ...string) ingest.Sender {
		return ingest.Sender{ID: p.ID, Parties: p.parties(roles), Refuses: p.Refuses}
	}
	p.charging, p.publishing, p.mobility = as(RoleCPO), as(publishes...), as(provides...)
	p.readers = p.parties(reads)
}

// parties returns the partner's parties that have one of the roles, each once.
func (p *Partner) parties(roles []string) []ocpi.Party {
	var list []ocpi.Party
	for _, r := range p.Roles {
		if party := r.Party(); slices.Contains(roles, r.Role) && !slices.Contains(list, party) {
			list = append(list, party)
		}
	}
	return list
}

// Authenticate finds the partner of an Authorization header, "Token x" with x
// as it is or in Base64 (OCPI 2.2.1 transport, "Authorization header"). The exact
// token wins over what it decodes to, because a raw token may look like Base64. The
// new token of a rotation ends the old one once it is seen here.
//
// It asks for no certificate: a request that comes over a connection is for Recognize.
func (d *Partners) Authenticate(authorization string) (*Partner, bool) {
	now := d.machine.now()
	p, r, ok := d.state.Current().authenticate(authorization, now)
	if ok {
		d.seen(p, &r, now)
	}
	return p, ok
}

// Recognize is Authenticate over a connection with a client certificate, nil for none.
// It also says how the token is written. The partner is nil where the token is nobody's;
// the error is a *CertError where its holder may not come so: nothing comes of it then.
func (d *Partners) Recognize(authorization string, c *Certificate) (*Partner, Spelling, error) {
	now := d.machine.now()
	p, r, ok := d.state.Current().authenticate(authorization, now)
	if !ok {
		return nil, Spelling{}, nil
	}
	spelled := Spelling{r.encoding, r.odd || !strings.HasPrefix(authorization, "Token ")}
	if err := d.Admits(p, c); err != nil {
		return p, spelled, err
	}
	d.seen(p, &r, now)
	return p, spelled, nil
}

// seen notes that a partner has come with a token: the new one of a rotation ends the
// old one.
func (d *Partners) seen(p *Partner, r *reading, now ocpi.Time) {
	p.contact.Store(int64(now))
	if p.isFresh(r.hash) {
		select {
		case d.confirm <- freshToken{p.ID, p.Tokens[0].Hash, p.rotated}:
		default: // the next request with this token asks again
		}
	}
}

// authenticate is Authenticate at an instant, with how the token was read.
func (s *partners) authenticate(authorization string, now ocpi.Time) (p *Partner, as reading, ok bool) {
	credentials, ok := cutScheme(authorization, "Token")
	if !ok {
		return nil, reading{}, false
	}
	as, ok = firstReading(credentials, func(r reading) bool {
		known, ok := s.byToken.Get(r.hash)
		if !ok || !known.Encoding.accepts(&r) || !known.accepts(r.hash, now) {
			return false
		}
		p = known
		return true
	})
	return p, as, ok
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

func (p *Partner) isFresh(h TokenHash) bool {
	_, rotating := p.old()
	return rotating && p.Tokens[0].Hash == h
}

func (t Token) accepted(now ocpi.Time) bool { return !t.Until.IsSet() || now <= t.Until }
