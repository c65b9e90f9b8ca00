package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// RotationGrace is how long the old token of a rotation works when the new
// one is not used.
const RotationGrace = 7 * 24 * time.Hour

// Partners is the domain of the partners and their tokens. Its methods are
// safe for concurrent use.
type Partners struct {
	machine *Machine
	state   State[partners]
	confirm chan freshToken // to confirmTokens: new tokens of rotations seen in use

	pairsOnly bool          // see PairsOnly
	tally     *ingest.Tally // see Counts
	noting    chan struct{} // holds who notes what was found, and guards batch
	batch     *noteBatch    // that may be in the log or not; nil = none
}

type partners struct {
	byID    Map[string, *Partner]
	byRole  Map[Role, *Partner]
	byToken Map[TokenHash, *Partner]
	vacant  Map[Role, struct{}]       // that a partner had and nobody has now
	formers *formers                  // who had those; nil = nobody ever
	offered Map[ocpi.Party, []string] // who offers to be a party and was not granted it, in the order they did
	joined  Map[Role, ocpi.Time]      // when its holder came by it; kept when nobody has it any more
	paired  Map[Pair, ocpi.Time]      // since when there is that of pairs
	pairs   pairs
	grants  pairs              // of a CPO and an SCSP, see Grant
	byPin   Map[Pin, []string] // whose certificates they are, in the order they were added

	billable Map[ocpi.Party, int64]           // offset of the record that first made it an eMSP
	profiles Map[ocpi.Party, []profileNaming] // of CPOs, ascending; appended to

	absences  Map[string, []Absence]      // by partner, ascending by module
	findings  Map[string, []ingest.Found] // by partner, ascending by code
	contacts  Map[string, contact]        // by partner
	contacted ocpi.Time                   // when contacts were first noted, zero = never
	watched   ocpi.Time                   // when it was last noted that we were there, zero = never
	outages   []outage                    // when we were not, ascending; never changed
}

// profileNaming says that a record named a CPO's pricing profile.
type profileNaming struct {
	offset  int64
	profile string
}

type freshToken struct {
	partner string
	hash    TokenHash
	rotated int64 // offset of its rotation
}

// NewPartners registers the domain.
func NewPartners(m *Machine) *Partners {
	d := &Partners{machine: m, confirm: make(chan freshToken, 64), noting: make(chan struct{}, 1)}
	m.Register(d.state.Publish,
		On(d.added), On(d.removed), On(d.rotated), On(d.confirmed), On(d.rolesAdded), On(d.rolesRemoved),
		On(d.invited), On(d.registered), On(d.updated), On(d.unregistered), On(d.offered), On(d.policy), On(d.listBy),
		On(d.pairAdded), On(d.pairRemoved), On(d.grantAdded), On(d.grantRemoved),
		On(d.absent), On(d.heard), On(d.watchedOver), On(d.counted), On(d.certAdded), On(d.certRemoved), On(d.certRequired))
	m.Beside(d.confirmTokens)
	m.Beside(d.note)
	return d
}

// Ready is [Machine.Ready]: before it nobody can be told from a stranger.
func (d *Partners) Ready() error { return d.machine.Ready() }

// Find returns a partner by its id.
func (d *Partners) Find(id string) (*Partner, bool) { return d.state.Current().byID.Get(id) }

// All returns all partners, ordered by id.
func (d *Partners) All() []*Partner {
	return slices.SortedFunc(d.state.Current().byID.Values(), func(a, b *Partner) int { return strings.Compare(a.ID, b.ID) })
}

// Billable reports whether party has been an eMSP by a record at an offset
// below: whether there was somebody to send its bill to. Known once it stays
// so, though its partner be removed: the bill was for a charge of before.
func (d *Partners) Billable(party ocpi.Party, below int64) bool {
	first, ok := d.state.Current().billable.Get(party)
	return ok && first < below
}

// Profile returns the name of a CPO's pricing profile by the last record at an
// offset below that registered it, "" for the default. That of a removed
// partner stays.
func (d *Partners) Profile(cpo ocpi.Party, below int64) string {
	namings, _ := d.state.Current().profiles.Get(cpo)
	for _, n := range slices.Backward(namings) {
		if n.offset < below {
			return n.profile
		}
	}
	return ""
}

// Knew reports whether party was a CPO or an eMSP here, by any record, be it of a
// partner that was removed since: its CDRs are still here.
func (d *Partners) Knew(party ocpi.Party) bool {
	return d.KnewAs(RoleCPO, party) || d.KnewAs(RoleEMSP, party)
}

// KnewAs is Knew of one of these two roles.
func (d *Partners) KnewAs(role string, party ocpi.Party) (known bool) {
	s := d.state.Current()
	if role == RoleCPO {
		_, known = s.profiles.Get(party)
	} else {
		_, known = s.billable.Get(party)
	}
	return known
}

// Has reports whether a party is a partner's now, in any role.
func (d *Partners) Has(party ocpi.Party) bool {
	return d.state.Current().has(party, roleNames)
}

// NewPartner is what Add needs. Token "" has one minted.
type NewPartner struct {
	Name     string
	Roles    []Role
	Token    string
	Encoding TokenEncoding // "" = auto
	Profile  string
}

// Add registers a partner and returns it with its token, which cannot be had
// again. command may be "". Errors as in [Machine.Do].
func (d *Partners) Add(ctx context.Context, command string, n NewPartner) (*Partner, string, error) {
	token, err := tokenOrNew(n.Token)
	if err != nil {
		return nil, "", err
	}
	if n.Encoding == "" {
		n.Encoding = EncodingAuto
	}
	if len(n.Roles) == 0 {
		return nil, "", Invalid("a partner needs at least one role, such as CPO of GB*DUN")
	}
	roles := foldedRoles(n.Roles)
	add := PartnerAdded{
		ID: d.freeID(roles[0]), Name: n.Name, Roles: roles,
		TokenHash: HashToken(token), Encoding: n.Encoding, Profile: n.Profile,
	}
	if _, err := d.machine.Do(ctx, Command{ID: command, Change: add}); err != nil {
		return nil, "", err
	}
	p, err := d.partner(add.ID)
	return p, token, err
}

// Rotation is what Rotate needs. Token "" has one minted. The old token works
// until the new one is used, at most for [RotationGrace]; with Now it ends at
// once, as do all before it: a secret has leaked.
type Rotation struct {
	Token string
	Now   bool
}

// Rotate gives a partner a new token and returns it. Errors as in [Machine.Do].
func (d *Partners) Rotate(ctx context.Context, command, id string, expect uint64, r Rotation) (*Partner, string, error) {
	token, err := tokenOrNew(r.Token)
	if err != nil {
		return nil, "", err
	}
	until := d.machine.Now() + ocpi.Time(RotationGrace)
	if r.Now {
		until = endedAtOnce
	}
	rotate := TokenRotated{ID: id, TokenHash: HashToken(token), Until: until}
	if _, err := d.machine.Do(ctx, Command{ID: command, Expect: expect, Change: rotate}); err != nil {
		return nil, "", err
	}
	p, err := d.partner(id)
	return p, token, err
}

func tokenOrNew(token string) (string, error) {
	if token == "" {
		return NewToken(), nil
	}
	return token, ValidateToken(token)
}

func (d *Partners) partner(id string) (*Partner, error) {
	p, ok := d.Find(id)
	if !ok {
		return nil, Conflict("partner %s was removed at the same moment", id)
	}
	return p, nil
}

// Remove ends a partner. Errors as in [Machine.Do].
func (d *Partners) Remove(ctx context.Context, command, id string, expect uint64) error {
	_, err := d.machine.Do(ctx, Command{ID: command, Expect: expect, Change: PartnerRemoved{ID: id}})
	return err
}

// confirmTokens appends a token.confirmed for every new token seen in use.
// Requests go on arriving until it is folded: the state is asked again before
// each append. Two processes may confirm the same token; the command id makes
// that one event. It names the rotation too: a partner may go back to a token
// that was confirmed before.
func (d *Partners) confirmTokens(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case f := <-d.confirm:
			p, ok := d.Find(f.partner)
			if !ok || !p.isFresh(f.hash) || p.rotated != f.rotated {
				continue
			}
			change := TokenConfirmed{ID: f.partner, TokenHash: f.hash}
			_, err := d.machine.Do(ctx, Command{ID: fmt.Sprintf("confirm-%x-%d", f.hash[:16], f.rotated), Change: change})
			if _, refused := errors.AsType[*Refused](err); err != nil && !refused && ctx.Err() == nil {
				// The old token stays valid a little longer, until the next use.
				d.machine.logger.Warn("confirm token", "partner", f.partner, "error", err)
			}
		}
	}
}
