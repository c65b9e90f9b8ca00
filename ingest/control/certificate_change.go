package control

import (
	"context"
	"slices"
)

// PartnerCertAdded registers a certificate that a partner comes with. One may be of
// several partners: of one company with several connections.
type PartnerCertAdded struct {
	ID          string      `json:"id"`
	Fingerprint Fingerprint `json:"fingerprint,omitzero"`
	Subject     Subject     `json:"subject,omitempty"`
}

// Kind implements Change.
func (PartnerCertAdded) Kind() Kind { return Kind{"partner.cert_added", 1} }

// Validate implements Change.
func (c PartnerCertAdded) Validate() error {
	if err := c.pin().validate(); err != nil {
		return err
	}
	return validateName("partner id", c.ID)
}

func (c PartnerCertAdded) pin() Pin { return Pin{c.Fingerprint, c.Subject} }

func (d *Partners) certAdded(e Event, c PartnerCertAdded) error {
	s, pin := &d.state.Folded, c.pin()
	p, err := s.expect(c.ID, e)
	switch {
	case err != nil:
		return err
	case slices.Contains(p.Pins, pin):
		return Conflict("partner %s has the certificate already: %s", c.ID, pin)
	case len(p.Pins) == MaxPins:
		return Conflict("partner %s has %d certificates: remove one that it does not use any more", c.ID, MaxPins)
	}
	next := *p
	next.Version++
	next.Pins = append(slices.Clip(p.Pins), pin)
	s.put(&next)
	owners, _ := s.byPin.Get(pin)
	s.byPin = s.byPin.With(pin, append(slices.Clip(owners), c.ID))
	return nil
}

// PartnerCertRemoved ends a certificate of a partner at once.
type PartnerCertRemoved PartnerCertAdded

// Kind implements Change.
func (PartnerCertRemoved) Kind() Kind { return Kind{"partner.cert_removed", 1} }

// Validate implements Change.
func (c PartnerCertRemoved) Validate() error { return PartnerCertAdded(c).Validate() }

func (d *Partners) certRemoved(e Event, c PartnerCertRemoved) error {
	s, pin := &d.state.Folded, PartnerCertAdded(c).pin()
	p, err := s.expect(c.ID, e)
	switch {
	case err != nil:
		return err
	case !slices.Contains(p.Pins, pin):
		return Unknown("partner %s has no certificate of %s", c.ID, pin)
	case p.NeedsCertificate && len(p.Pins) == 1:
		return Conflict("partner %s must come with a certificate, and this is its last: add another first, or end that it must", c.ID)
	}
	next := *p
	next.Version++
	next.Pins = slices.DeleteFunc(slices.Clone(p.Pins), func(own Pin) bool { return own == pin })
	s.put(&next)
	s.unpin(p.ID, pin)
	return nil
}

// unpin takes certificates of a partner out of the index.
func (s *partners) unpin(id string, pins ...Pin) {
	for _, pin := range pins {
		owners, _ := s.byPin.Get(pin)
		owners = slices.DeleteFunc(slices.Clone(owners), func(owner string) bool { return owner == id })
		if len(owners) == 0 {
			s.byPin = s.byPin.Without(pin)
		} else {
			s.byPin = s.byPin.With(pin, owners)
		}
	}
}

// PartnerCertRequired says whether a partner must come with one of its certificates.
type PartnerCertRequired struct {
	ID       string `json:"id"`
	Required bool   `json:"required"`
}

// Kind implements Change.
func (PartnerCertRequired) Kind() Kind { return Kind{"partner.cert_required", 1} }

// Validate implements Change.
func (c PartnerCertRequired) Validate() error { return validateName("partner id", c.ID) }

func (d *Partners) certRequired(e Event, c PartnerCertRequired) error {
	s := &d.state.Folded
	p, err := s.expect(c.ID, e)
	switch {
	case err != nil:
		return err
	case c.Required && len(p.Pins) == 0:
		return Conflict("partner %s has no certificate: with any of the CA's it could come as another; add its own first", c.ID)
	}
	next := *p
	next.Version++
	next.NeedsCertificate = c.Required
	s.put(&next)
	return nil
}

// KeyCertAdded binds an API key to a certificate: from the first one on it is used with
// one of them alone.
type KeyCertAdded struct {
	ID          string      `json:"id"`
	Fingerprint Fingerprint `json:"fingerprint"`
}

// Kind implements Change.
func (KeyCertAdded) Kind() Kind { return Kind{"key.cert_added", 1} }

// Validate implements Change.
func (c KeyCertAdded) Validate() error {
	if c.Fingerprint.IsZero() {
		return Invalid("certificate of key %s: its fingerprint is missing", c.ID)
	}
	return validateName("key id", c.ID)
}

func (d *Keys) certAdded(_ Event, c KeyCertAdded) error {
	s := &d.state.Folded
	k, ok := s.byID.Get(c.ID)
	switch {
	case !ok:
		return Unknown("there is no key %s", c.ID)
	case slices.Contains(k.Certificates, c.Fingerprint):
		return Conflict("key %s has the certificate already: fingerprint %s", c.ID, c.Fingerprint)
	case len(k.Certificates) == MaxPins:
		return Conflict("key %s has %d certificates: remove one that is not used any more", c.ID, MaxPins)
	}
	next := *k
	next.Certificates = append(slices.Clip(k.Certificates), c.Fingerprint)
	s.put(&next)
	return nil
}

// KeyCertRemoved ends a certificate of a key at once. With the last of them it is bound
// to none any more.
type KeyCertRemoved KeyCertAdded

// Kind implements Change.
func (KeyCertRemoved) Kind() Kind { return Kind{"key.cert_removed", 1} }

// Validate implements Change.
func (c KeyCertRemoved) Validate() error { return KeyCertAdded(c).Validate() }

func (d *Keys) certRemoved(_ Event, c KeyCertRemoved) error {
	s := &d.state.Folded
	k, ok := s.byID.Get(c.ID)
	switch {
	case !ok:
		return Unknown("there is no key %s", c.ID)
	case !slices.Contains(k.Certificates, c.Fingerprint):
		return Unknown("key %s has no certificate of fingerprint %s", c.ID, c.Fingerprint)
	}
	next := *k
	next.Certificates = slices.DeleteFunc(slices.Clone(k.Certificates), func(f Fingerprint) bool { return f == c.Fingerprint })
	s.put(&next)
	return nil
}

// AddCertificate registers a certificate that a partner comes with. Errors as in
// [Machine.Do].
func (d *Partners) AddCertificate(ctx context.Context, command, id string, expect uint64, pin Pin) (*Partner, error) {
	return d.change(ctx, Command{ID: command, Expect: expect, Change: PartnerCertAdded{id, pin.Fingerprint, pin.Subject}}, id)
}

// RemoveCertificate ends a certificate of a partner. Errors as in [Machine.Do].
func (d *Partners) RemoveCertificate(ctx context.Context, command, id string, expect uint64, pin Pin) (*Partner, error) {
	return d.change(ctx, Command{ID: command, Expect: expect, Change: PartnerCertRemoved{id, pin.Fingerprint, pin.Subject}}, id)
}

// RequireCertificate says whether a partner must come with one of its certificates.
// Errors as in [Machine.Do].
func (d *Partners) RequireCertificate(ctx context.Context, command, id string, expect uint64, required bool) (*Partner, error) {
	return d.change(ctx, Command{ID: command, Expect: expect, Change: PartnerCertRequired{id, required}}, id)
}

func (d *Partners) change(ctx context.Context, c Command, id string) (*Partner, error) {
	if _, err := d.machine.Do(ctx, c); err != nil {
		return nil, err
	}
	return d.partner(id)
}

// AddCertificate binds a key to a certificate. Errors as in [Machine.Do].
func (d *Keys) AddCertificate(ctx context.Context, command, id string, f Fingerprint) (*APIKey, error) {
	if _, err := d.machine.Do(ctx, Command{ID: command, Change: KeyCertAdded{id, f}}); err != nil {
		return nil, err
	}
	return d.key(id)
}

// RemoveCertificate ends a certificate of a key. Errors as in [Machine.Do].
func (d *Keys) RemoveCertificate(ctx context.Context, command, id string, f Fingerprint) (*APIKey, error) {
	if _, err := d.machine.Do(ctx, Command{ID: command, Change: KeyCertRemoved{id, f}}); err != nil {
		return nil, err
	}
	return d.key(id)
}
