package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// Admin is the admin interface: partners, API keys and closed periods.
//
// A POST may carry an Idempotency-Key: repeated, it takes effect once (the
// repeat answers 409, since the token was handed out before). A change of a
// partner may carry If-Match with the version it expects.
type Admin struct {
	control *control.Control
	token   [sha256.Size]byte
	logger  *slog.Logger
}

// NewAdmin returns the admin interface, open to whoever knows token.
func NewAdmin(c *control.Control, token string, logger *slog.Logger) *Admin {
	return &Admin{control: c, token: sha256.Sum256([]byte(token)), logger: logger}
}

// Mount serves the interface under /admin/v1.
func (a *Admin) Mount(r gin.IRouter) {
	g := r.Group("/admin/v1", a.authenticate)
	g.GET("/partners", a.listPartners)
	g.POST("/partners", a.addPartner)
	g.GET("/partners/:id", a.getPartner)
	g.DELETE("/partners/:id", a.removePartner)
	g.POST("/partners/:id/rotate", a.rotateToken)
	g.GET("/keys", a.listKeys)
	g.POST("/keys", a.addKey)
	g.DELETE("/keys/:id", a.removeKey)
	g.GET("/periods", a.listPeriods)
	g.POST("/periods", a.closePeriod)
}

func (a *Admin) authenticate(c *gin.Context) {
	scheme, token, _ := strings.Cut(c.GetHeader("Authorization"), " ")
	sum := sha256.Sum256([]byte(token))
	if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(sum[:], a.token[:]) != 1 {
		c.Header("WWW-Authenticate", "Bearer")
		a.fail(c, ErrUnauthorized)
		return
	}
	if !a.control.Ready() {
		a.fail(c, control.ErrNotReady)
	}
}

func (a *Admin) fail(c *gin.Context, err error) { Fail(c, a.logger, err) }

// Partner is a partner as the admin interface shows it. The tokens are known
// to nobody but the partner.
type Partner struct {
	ID       string                `json:"id"`
	Name     string                `json:"name"`
	Roles    []control.Role        `json:"roles"`
	Encoding control.TokenEncoding `json:"token_encoding"`
	Profile  string                `json:"profile,omitempty"`
	Version  uint64                `json:"version"`
	// RotationUntil is when the old token of a rotation under way ends.
	RotationUntil string `json:"rotation_until,omitempty"`
}

func partnerView(p *control.Partner) Partner {
	view := Partner{ID: p.ID, Name: p.Name, Roles: p.Roles, Encoding: p.Encoding, Profile: p.Profile, Version: p.Version}
	if len(p.Tokens) > 1 {
		view.RotationUntil = p.Tokens[1].Until.String()
	}
	return view
}

// PartnerList answers GET /admin/v1/partners.
type PartnerList struct {
	Partners []Partner `json:"partners"`
}

// PartnerToken answers what makes a token: the only time it is shown.
type PartnerToken struct {
	Partner Partner `json:"partner"`
	Token   string  `json:"token"`
}

// PartnerRequest is the body of POST /admin/v1/partners.
type PartnerRequest struct {
	Name     string                `json:"name"`
	Roles    []control.Role        `json:"roles"`
	Token    string                `json:"token,omitempty"` // "" = one is made
	Encoding control.TokenEncoding `json:"token_encoding,omitempty"`
	Profile  string                `json:"profile,omitempty"`
}

// RotateRequest is the body of POST /admin/v1/partners/{id}/rotate; it may be
// absent.
type RotateRequest struct {
	Token string `json:"token,omitempty"`
}

func (a *Admin) listPartners(c *gin.Context) {
	list := PartnerList{Partners: []Partner{}}
	for _, p := range a.control.State().Partners() {
		list.Partners = append(list.Partners, partnerView(p))
	}
	c.JSON(http.StatusOK, list)
}

func (a *Admin) getPartner(c *gin.Context) {
	p, ok := a.control.State().Partner(Param(c, "id"))
	if !ok {
		a.fail(c, ErrNotFound)
		return
	}
	c.JSON(http.StatusOK, partnerView(p))
}

func (a *Admin) addPartner(c *gin.Context) {
	var q PartnerRequest
	if err := decodeJSON(c.Request, &q); err != nil {
		a.fail(c, err)
		return
	}
	p, token, err := a.control.AddPartner(c.Request.Context(), command(c), control.NewPartner(q))
	if err != nil {
		a.fail(c, err)
		return
	}
	a.logger.Info("partner added", "partner", p.ID)
	c.Header("Location", "/admin/v1/partners/"+p.ID)
	c.JSON(http.StatusCreated, PartnerToken{partnerView(p), token})
}

func (a *Admin) rotateToken(c *gin.Context) {
	var q RotateRequest
	expect, err := expected(c)
	if err == nil {
		err = decodeJSON(c.Request, &q)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	p, token, err := a.control.RotateToken(c.Request.Context(), command(c), Param(c, "id"), expect, q.Token)
	if err != nil {
		a.fail(c, err)
		return
	}
	a.logger.Info("partner token rotated", "partner", p.ID)
	c.JSON(http.StatusOK, PartnerToken{partnerView(p), token})
}

func (a *Admin) removePartner(c *gin.Context) {
	expect, err := expected(c)
	if err == nil {
		err = a.control.RemovePartner(c.Request.Context(), command(c), Param(c, "id"), expect)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	a.logger.Info("partner removed", "partner", Param(c, "id"))
	c.Status(http.StatusNoContent)
}

func command(c *gin.Context) string { return c.GetHeader("Idempotency-Key") }

// expected reads If-Match: a version in quotes, as in "3". 0 = any.
func expected(c *gin.Context) (uint64, error) {
	header := c.GetHeader("If-Match")
	if header == "" {
		return 0, nil
	}
	v, err := strconv.ParseUint(strings.Trim(header, `"`), 10, 64)
	if err != nil || v == 0 {
		return 0, &ocpi.Invalid{Fields: []ocpi.FieldError{{Path: "If-Match", Reason: fmt.Sprintf("%q: want a partner's version, such as \"3\"", header)}}}
	}
	return v, nil
}
