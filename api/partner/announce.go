package partner

import (
	"context"
	"time"

	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// When partners are told who can be reached through us.
const (
	announceAfter = 10 * time.Minute // that nothing more has changed
	announceEvery = 24 * time.Hour   // at most, each partner
	announceAgain = time.Hour        // where it failed
	announceLook  = 30 * time.Second // how often it is looked what has changed
)

// news is what a partner has not been told yet.
type news struct {
	roles control.TokenHash
	since time.Time // that it is this
	next  time.Time // not before, since it failed
}

// Announce tells the registered partners of OCPI 2.3.0 that are mine who can be
// reached through us, when that has changed: there is no HubClientInfo they must
// read, but roles in our credentials (2.3.0 credentials, "Credentials object"). It
// ends with ctx.
func (c *Registrar) Announce(ctx context.Context, mine func(partner string) bool) error {
	return c.announce(ctx, mine, func(p *control.Partner) error {
		_, err := c.Rotate(ctx, p, "", false)
		return err
	})
}

func (c *Registrar) announce(ctx context.Context, mine func(partner string) bool, tell func(*control.Partner) error) error {
	ticker := time.NewTicker(announceLook)
	defer ticker.Stop()
	waiting := map[string]*news{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-ticker.C:
			for _, p := range c.Partners.All() {
				if !mine(p.ID) || !c.due(p, waiting, now) {
					continue
				}
				if err := tell(p); err != nil {
					waiting[p.ID].next = now.Add(announceAgain)
					c.Logger.Warn("a partner could not be told who can be reached", "partner", p.ID, "error", err)
					continue
				}
				delete(waiting, p.ID)
				c.Logger.Info("partner told who can be reached", "partner", p.ID)
			}
		}
	}
}

// due reports whether a partner is to be told something now, and notes in waiting
// what it is to be told.
func (c *Registrar) due(p *control.Partner, waiting map[string]*news, now time.Time) bool {
	if p.Peer == nil || p.Peer.Version != ocpi.V230 {
		delete(waiting, p.ID)
		return false
	}
	roles, updated, outdated := c.Partners.Outdated(p, c.Self)
	if !outdated {
		delete(waiting, p.ID)
		return false
	}
	n := waiting[p.ID]
	if n == nil {
		n = &news{}
		waiting[p.ID] = n
	}
	if n.roles != roles {
		n.roles, n.since = roles, now
	}
	quiet := now.Sub(n.since) >= announceAfter
	return quiet && !now.Before(n.next) && (!updated.IsSet() || now.Sub(updated.Go()) >= announceEvery)
}
