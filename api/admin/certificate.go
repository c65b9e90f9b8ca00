package admin

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest/control"
)

// Certificate is what a client certificate is recognised by, its fingerprint (SHA-256)
// or its subject, and the body of POST …/certificates.
type Certificate struct {
	Fingerprint string `json:"fingerprint,omitempty"`
	Subject     string `json:"subject,omitempty"`
}

// ShownCertificate is a certificate that a partner has shown to this process in the
// last 7 days: as a client, or as the server that we called.
type ShownCertificate struct {
	Use         string `json:"use"` // client, server
	Fingerprint string `json:"fingerprint"`
	Subject     string `json:"subject"`
	Ends        string `json:"ends"`
	Seen        string `json:"seen"`
}

// CertificateList answers GET /admin/v1/partners/{id}/certificates.
type CertificateList struct {
	Required     bool               `json:"required"`
	Certificates []Certificate      `json:"certificates"`
	Shown        []ShownCertificate `json:"shown"`
}

// CertificateRequired is the body of PUT /admin/v1/partners/{id}/certificate_required.
type CertificateRequired struct {
	Required bool `json:"required"`
}

func certificateView(p control.Pin) Certificate {
	if p.Subject != "" {
		return Certificate{Subject: string(p.Subject)}
	}
	return Certificate{Fingerprint: p.Fingerprint.String()}
}

func certificateViews(pins []control.Pin) (list []Certificate) {
	for _, p := range pins {
		list = append(list, certificateView(p))
	}
	return list
}

// pin reads what a certificate is recognised by.
func (c Certificate) pin() (p control.Pin, err error) {
	switch {
	case (c.Fingerprint == "") == (c.Subject == ""):
		return p, rest.Invalid("fingerprint", "give the fingerprint or the subject of the certificate, one of them")
	case c.Subject != "":
		p.Subject, err = control.ParseSubject(c.Subject)
		return p, asField("subject", err)
	}
	p.Fingerprint, err = control.ParseFingerprint(c.Fingerprint)
	return p, asField("fingerprint", err)
}

func asField(field string, err error) error {
	if err == nil {
		return nil
	}
	return rest.Invalid(field, "%s", err)
}

// addressed reads the certificate that a path names: a fingerprint, or else a subject.
func addressed(c *gin.Context) (control.Pin, error) {
	text := api.Param(c, "certificate")
	if f, err := control.ParseFingerprint(text); err == nil {
		return control.Pin{Fingerprint: f}, nil
	}
	return Certificate{Subject: text}.pin()
}

func (s *server) listCertificates(c *gin.Context) error {
	p, ok := s.partners.Find(api.Param(c, "id"))
	if !ok {
		return api.ErrNotFound
	}
	list := CertificateList{Required: p.NeedsCertificate, Certificates: append([]Certificate{}, certificateViews(p.Pins)...), Shown: []ShownCertificate{}}
	for _, one := range s.ends.Of(p.ID) {
		list.Shown = append(list.Shown, ShownCertificate{one.Use, one.Fingerprint, one.Subject, one.End.UTC().Format(time.RFC3339), one.Seen.UTC().Format(time.RFC3339)})
	}
	rest.WriteJSON(c, http.StatusOK, list)
	return nil
}

func (s *server) addCertificate(c *gin.Context) error {
	var q Certificate
	expect, err := expected(c)
	if err == nil {
		err = rest.ReadJSON(c.Request, api.DefaultMaxBody, &q)
	}
	if err != nil {
		return err
	}
	pin, err := q.pin()
	if err != nil {
		return err
	}
	// A subject names no issuer. Where there is one CA, its word that a certificate is of
	// this subject is what is trusted; of several, each could give it to somebody else.
	if n := s.roots(); pin.Subject != "" && n > 1 {
		return rest.Invalid("subject", "tls.client_ca trusts %d CAs, and each of them can make a certificate of this subject: give the certificate's fingerprint", n)
	}
	p, err := s.partners.AddCertificate(c.Request.Context(), command(c), api.Param(c, "id"), expect, pin)
	if err != nil {
		return err
	}
	s.logger.Info("certificate added to partner", "partner", p.ID, "certificate", pin.String())
	rest.WriteJSON(c, http.StatusCreated, partnerView(p))
	return nil
}

func (s *server) removeCertificate(c *gin.Context) error {
	expect, err := expected(c)
	if err != nil {
		return err
	}
	pin, err := addressed(c)
	if err != nil {
		return err
	}
	p, err := s.partners.RemoveCertificate(c.Request.Context(), command(c), api.Param(c, "id"), expect, pin)
	if err != nil {
		return err
	}
	s.logger.Info("certificate removed from partner", "partner", p.ID, "certificate", pin.String())
	rest.WriteJSON(c, http.StatusOK, partnerView(p))
	return nil
}

func (s *server) requireCertificate(c *gin.Context) error {
	var q CertificateRequired
	expect, err := expected(c)
	if err == nil {
		err = rest.ReadJSON(c.Request, api.DefaultMaxBody, &q)
	}
	if err != nil {
		return err
	}
	p, err := s.partners.RequireCertificate(c.Request.Context(), command(c), api.Param(c, "id"), expect, q.Required)
	if err != nil {
		return err
	}
	s.logger.Info("whether partner must come with a certificate", "partner", p.ID, "required", q.Required)
	rest.WriteJSON(c, http.StatusOK, partnerView(p))
	return nil
}

// keyCertificate reads a certificate of a key: a fingerprint, for a key is of one
// machine more than of a company.
func keyCertificate(text string) (control.Fingerprint, error) {
	f, err := control.ParseFingerprint(text)
	return f, asField("fingerprint", err)
}

// KeyCertificate is the body of POST /admin/v1/keys/{id}/certificates.
type KeyCertificate struct {
	Fingerprint string `json:"fingerprint"`
}

func (s *server) addKeyCertificate(c *gin.Context) error {
	var q KeyCertificate
	if err := rest.ReadJSON(c.Request, api.DefaultMaxBody, &q); err != nil {
		return err
	}
	f, err := keyCertificate(q.Fingerprint)
	if err != nil {
		return err
	}
	k, err := s.keys.AddCertificate(c.Request.Context(), command(c), api.Param(c, "id"), f)
	if err != nil {
		return err
	}
	s.logger.Info("certificate added to API key", "key", k.ID, "fingerprint", f.String())
	rest.WriteJSON(c, http.StatusCreated, s.keyView(k))
	return nil
}

func (s *server) removeKeyCertificate(c *gin.Context) error {
	f, err := keyCertificate(api.Param(c, "certificate"))
	if err != nil {
		return err
	}
	k, err := s.keys.RemoveCertificate(c.Request.Context(), command(c), api.Param(c, "id"), f)
	if err != nil {
		return err
	}
	s.logger.Info("certificate removed from API key", "key", k.ID, "fingerprint", f.String())
	rest.WriteJSON(c, http.StatusOK, s.keyView(k))
	return nil
}
