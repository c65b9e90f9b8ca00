package admin

import (
	"context"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest/control"
)

// Peers are the other sides of the partners that have registered: a
// partner.Registrar. Errors of calls are an api.ErrPeer.
type Peers interface {
	// Rotate gives a partner a new token, "" for one that is made, over OCPI, and
	// takes the one that it gives us. With now its old one ends at once.
	Rotate(ctx context.Context, p *control.Partner, token string, now bool) (*control.Partner, error)
	// Unregister tells a partner that its registration has ended.
	Unregister(ctx context.Context, p *control.Partner) error
	// Connect registers us with a partner, and returns the versions that it offers.
	Connect(ctx context.Context, n Connection) (p *control.Partner, offered []string, err error)
	// StartPull begins to read a partner's lists, unless that is under way.
	StartPull(p *control.Partner) error
	// Pull returns how far the last one that was asked for has come.
	Pull(partner string) (Pull, bool)
}

var errNoPeers = fmt.Errorf("%w: this process calls no partners", api.ErrPeer)

// noPeers stand for those that there are none of.
type noPeers struct{}

func (noPeers) Rotate(context.Context, *control.Partner, string, bool) (*control.Partner, error) {
	return nil, errNoPeers
}

func (noPeers) Unregister(context.Context, *control.Partner) error { return errNoPeers }

// RotateRequest is the body of POST /admin/v1/partners/{id}/rotate; it may be
// absent.
type RotateRequest struct {
	Token string `json:"token,omitempty"`
	Now   bool   `json:"now,omitempty"` // the old token ends at once, for one that has leaked
}

// rotateToken gives a partner a new token: one that has registered gets it over
// OCPI. A token that has leaked ends whether that can be done or not.
func (s *server) rotateToken(c *gin.Context) error {
	var q RotateRequest
	expect, err := expected(c)
	if err == nil {
		err = rest.ReadJSON(c.Request, api.DefaultMaxBody, &q)
	}
	if err != nil {
		return err
	}
	answer := PartnerToken{}
	ctx, id := c.Request.Context(), api.Param(c, "id")
	if p, ok := s.partners.Find(id); ok && p.Peer != nil {
		patiently(c)
		p, err = s.peers.Rotate(ctx, p, q.Token, q.Now)
		if err == nil {
			s.logger.Info("tokens exchanged with partner", "partner", p.ID)
			answer.Partner = partnerView(p)
			rest.WriteJSON(c, http.StatusOK, answer)
			return nil
		}
		if !q.Now {
			return err
		}
		answer.Problem = rest.Classify(err).Message
		s.logger.Warn("a partner has not got its new token", "partner", id, "error", err)
	}
	p, token, err := s.partners.Rotate(ctx, command(c), id, expect, control.Rotation(q))
	if err != nil {
		return err
	}
	s.logger.Info("partner token rotated", "partner", p.ID)
	answer.Partner, answer.Token = partnerView(p), token
	rest.WriteJSON(c, http.StatusOK, answer)
	return nil
}

// Removal answers DELETE /admin/v1/partners/{id} where the partner had registered.
type Removal struct {
	Told    bool   `json:"partner_told"`
	Problem string `json:"problem,omitempty"` // why it could not be told
}

// removePartner ends a partner, whether it can be told so or not.
func (s *server) removePartner(c *gin.Context) error {
	expect, err := expected(c)
	if err != nil {
		return err
	}
	ctx, id := c.Request.Context(), api.Param(c, "id")
	p, ok := s.partners.Find(id)
	if err := s.partners.Remove(ctx, command(c), id, expect); err != nil {
		return err
	}
	s.logger.Info("partner removed", "partner", id)
	if !ok || p.Peer == nil {
		c.Status(http.StatusNoContent)
		return nil
	}
	patiently(c)
	answer := Removal{Told: true}
	if err := s.peers.Unregister(ctx, p); err != nil {
		s.logger.Warn("a removed partner could not be told", "partner", id, "error", err)
		answer = Removal{Problem: rest.Classify(err).Message}
	}
	rest.WriteJSON(c, http.StatusOK, answer)
	return nil
}
