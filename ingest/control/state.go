package control

import (
	"maps"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// TopicEpoch is the life of a topic under one partition count. A topic that
// is created again or partitioned anew is a new epoch.
type TopicEpoch struct {
	Epoch      uint8
	Partitions int
}

// State is the fold of the control log. One got from [Control.State] never
// changes and may be read by any number of goroutines. NewState makes one.
type State struct {
	installation string
	topics       map[ingest.Topic]TopicEpoch
	partners     map[string]*Partner
	keys         map[string]*APIKey
	roles        map[Role]*Partner
	tokens       map[TokenHash]*Partner
	keyHashes    map[TokenHash]*APIKey
	closed       []ocpi.Month // ascending; never changed, replaced
	commands     recentCommands
}

// NewState returns the state before the first record.
func NewState() *State {
	return &State{
		topics:    map[ingest.Topic]TopicEpoch{},
		partners:  map[string]*Partner{},
		keys:      map[string]*APIKey{},
		roles:     map[Role]*Partner{},
		tokens:    map[TokenHash]*Partner{},
		keyHashes: map[TokenHash]*APIKey{},
		commands:  recentCommands{seen: map[string]struct{}{}},
	}
}

// published returns a copy that later folds leave alone. Partners and keys
// are shared: the fold replaces them, it never changes one. The ids of past
// commands stay behind, only the fold needs them.
func (s *State) published() *State {
	return &State{
		installation: s.installation,
		topics:       maps.Clone(s.topics),
		partners:     maps.Clone(s.partners),
		keys:         maps.Clone(s.keys),
		roles:        maps.Clone(s.roles),
		tokens:       maps.Clone(s.tokens),
		keyHashes:    maps.Clone(s.keyHashes),
		closed:       s.closed,
	}
}

// Installation returns the installation's id, "" before it has one.
func (s *State) Installation() string { return s.installation }

// Topic returns the current epoch of a topic; ok is false when none is
// registered.
func (s *State) Topic(t ingest.Topic) (epoch TopicEpoch, ok bool) {
	epoch, ok = s.topics[t]
	return epoch, ok
}

// Partner returns a partner by its id.
func (s *State) Partner(id string) (*Partner, bool) {
	p, ok := s.partners[id]
	return p, ok
}

// Partners returns all partners, ordered by id.
func (s *State) Partners() []*Partner {
	return slices.SortedFunc(maps.Values(s.partners), func(a, b *Partner) int { return strings.Compare(a.ID, b.ID) })
}

// Keys returns all API keys, ordered by id.
func (s *State) Keys() []*APIKey {
	return slices.SortedFunc(maps.Values(s.keys), func(a, b *APIKey) int { return strings.Compare(a.ID, b.ID) })
}

// DebtorKnown reports whether a partner has the eMSP role for party: whether
// there is somebody to send its bill to.
func (s *State) DebtorKnown(party ocpi.Party) bool {
	return s.roles[Role{Role: RoleEMSP, Country: party.Country, PartyID: party.ID}] != nil
}

// Profile returns the name of the pricing profile of a CPO's partner, "" for
// the default.
func (s *State) Profile(cpo ocpi.Party) string {
	if p := s.roles[Role{Role: RoleCPO, Country: cpo.Country, PartyID: cpo.ID}]; p != nil {
		return p.Profile
	}
	return ""
}

// Authenticate finds the partner of an Authorization header, "Token x" with x
// as it is or in Base64 (OCPI 2.2.1 transport, "Authorization header"). The
// exact token wins over what it decodes to, because a raw token may look like
// Base64. fresh says that the token is the new one of a rotation under way.
func (s *State) Authenticate(authorization string, now ocpi.Time) (p *Partner, fresh, ok bool) {
	credentials, ok := cutScheme(authorization, "Token")
	if !ok {
		return nil, false, false
	}
	raw, decoded, isBase64 := hashCredentials(credentials)
	if p := s.tokens[raw]; p != nil && p.Encoding != EncodingBase64 && p.accepts(raw, now) {
		return p, p.isFresh(raw), true
	}
	if !isBase64 {
		return nil, false, false
	}
	if p := s.tokens[decoded]; p != nil && p.Encoding != EncodingRaw && p.accepts(decoded, now) {
		return p, p.isFresh(decoded), true
	}
	return nil, false, false
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

// Key finds the API key of an Authorization header, "Bearer x".
func (s *State) Key(authorization string) (*APIKey, bool) {
	credentials, ok := cutScheme(authorization, "Bearer")
	if !ok {
		return nil, false
	}
	k, ok := s.keyHashes[HashToken(credentials)]
	return k, ok
}

// maxCommands bounds how many command ids are remembered. A command repeated
// after that many others is taken for a new one; its expected version, or the
// uniqueness of what it adds, still refuses it.
const maxCommands = 10_000

// recentCommands remembers the last command ids, oldest out first.
type recentCommands struct {
	seen map[string]struct{}
	ring []string
	next int
}

// add remembers id and reports whether it was new.
func (r *recentCommands) add(id string) bool {
	if _, repeat := r.seen[id]; repeat {
		return false
	}
	r.seen[id] = struct{}{}
	if len(r.ring) < maxCommands {
		r.ring = append(r.ring, id)
		return true
	}
	delete(r.seen, r.ring[r.next])
	r.ring[r.next] = id
	r.next = (r.next + 1) % maxCommands
	return true
}
