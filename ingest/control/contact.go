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

// When partners were last heard of is noted in the log, so that every process says the
// same of their connections, and after a restart too. It costs an event for all of
// them, and a partner that calls all the time is in eight of those a day.
const (
	notedEvery   = 5 * time.Minute
	notedAgain   = 3 * time.Hour // how old what is noted of a partner may be
	maxContacts  = 1000          // in one event
	contactQuiet = 24*time.Hour + notedAgain
)

// contact is what the log says of a partner's connection.
type contact struct {
	since ocpi.Time // that it is what it is
	last  ocpi.Time // contact that was noted, zero where none was
}

// Contact says when a partner was heard of.
type Contact struct {
	ID string    `json:"id"`
	At ocpi.Time `json:"at"`
}

// PartnersHeard says which partners were heard of since that was last noted.
type PartnersHeard struct {
	Heard []Contact `json:"heard"`
}

// Kind implements Change.
func (PartnersHeard) Kind() Kind { return Kind{"partners.heard", 1} }

// Validate implements Change.
func (c PartnersHeard) Validate() error {
	if len(c.Heard) == 0 || len(c.Heard) > maxContacts {
		return Invalid("contacts of %d partners: want 1 to %d", len(c.Heard), maxContacts)
	}
	for _, h := range c.Heard {
		if err := validateName("partner id", h.ID); err != nil {
			return err
		}
	}
	return nil
}

// heard notes contacts; of partners that were removed meanwhile there are none.
func (d *Partners) heard(e Event, c PartnersHeard) error {
	s := &d.state.Folded
	if !s.contacted.IsSet() {
		s.contacted = e.At
	}
	s.watch(e.At)
	for _, h := range c.Heard {
		if p, ok := s.byID.Get(h.ID); ok {
			s.hear(p, min(h.At, e.At), e.At)
		}
	}
	return nil
}

// begin notes that a partner has come to another stage.
func (s *partners) begin(p *Partner, at ocpi.Time) {
	c, _ := s.contacts.Get(p.ID)
	c.since = at
	s.contacts = s.contacts.With(p.ID, c)
}

// hear notes that a partner was heard of, at an instant before now. Until now it was
// taken for gone where it was quiet so long, whenever it called.
func (s *partners) hear(p *Partner, at, now ocpi.Time) {
	c, _ := s.contacts.Get(p.ID)
	if at <= c.last {
		return
	}
	_, gone := c.gone(s, now)
	c.last = at
	if _, still := c.gone(s, now); gone && !still && p.reachable() {
		c.since = now
	}
	s.contacts = s.contacts.With(p.ID, c)
	p.heardAt(at)
}

// gone returns since when a partner has been quiet for too long, if it has. Nobody
// has before contacts were noted at all, nor while we were away.
func (c *contact) gone(s *partners, now ocpi.Time) (since ocpi.Time, gone bool) {
	since = s.quietUntil(max(c.last, c.since, s.contacted))
	return since, s.contacted.IsSet() && s.knownAt(now) > since
}

// reachable reports whether the partner's stage is one in which it calls.
func (p *Partner) reachable() bool {
	stage := p.Stage()
	return stage == StageAdded || stage == StageRegistered
}

// heardAt has LastContact return no earlier time.
func (p *Partner) heardAt(at ocpi.Time) {
	for was := p.contact.Load(); was < int64(at); was = p.contact.Load() {
		if p.contact.CompareAndSwap(was, int64(at)) {
			return
		}
	}
}

// Presence is what a partner's connection is, and since when (OCPI 2.2.1
// mod_hub_client_info, "ConnectionStatus"). It follows from the log: every process
// says the same.
type Presence struct {
	Status ocpi.ConnectionStatus
	Since  ocpi.Time
}

// Presence returns what a partner's connection is at an instant. One that is heard of
// once a day is connected: whoever pushes nothing pulls as often.
func (d *Partners) Presence(p *Partner, now ocpi.Time) Presence {
	s := d.state.Current()
	c, _ := s.contacts.Get(p.ID)
	switch p.Stage() {
	case StageInvited:
		return Presence{ocpi.Planned, c.since}
	case StageUnregistered:
		return Presence{ocpi.Suspended, c.since}
	}
	if since, gone := c.gone(s, now); gone {
		return Presence{ocpi.Offline, since}
	}
	return Presence{ocpi.Connected, c.since}
}

// NoteHeard notes that a partner has answered us, as [Partners.Recognize] does when it
// calls.
func (d *Partners) NoteHeard(id string) {
	if p, ok := d.Find(id); ok {
		p.heardAt(d.machine.now())
	}
}

// note notes from time to time who was heard of here, and what was found.
func (d *Partners) note(ctx context.Context) {
	for ingest.Pause(ctx, notedEvery) {
		if err := errors.Join(d.noteContact(ctx), d.noteWatched(ctx), d.noteFindings(ctx, d.doubled)); err != nil && ctx.Err() == nil {
			d.machine.logger.Warn("what partners did was not noted: tried again", "after", notedEvery, "error", err)
		}
	}
}

// noteContact notes who was heard of here and is not noted, if anybody was.
func (d *Partners) noteContact(ctx context.Context) error {
	for some := range slices.Chunk(d.unnoted(), maxContacts) {
		if _, err := d.machine.Do(ctx, Command{Change: PartnersHeard{some}}); err != nil {
			return fmt.Errorf("note when partners were heard of: %w", err)
		}
	}
	return nil
}

// unnoted returns contacts to be noted.
func (d *Partners) unnoted() (list []Contact) {
	s := d.state.Current()
	for p := range s.byID.Values() {
		noted, _ := s.contacts.Get(p.ID)
		if at := p.LastContact(); at.IsSet() && at-noted.last > ocpi.Time(notedAgain) {
			list = append(list, Contact{p.ID, at})
		}
	}
	slices.SortFunc(list, func(a, b Contact) int { return strings.Compare(a.ID, b.ID) })
	return list
}
