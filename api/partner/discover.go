package partner

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// Found is what a partner offers: the modules of one version.
type Found struct {
	Version     ocpi.Version
	VersionsURL string
	Offered     []string // all versions that the partner lists, as it writes them
	// Endpoints have absolute URLs. In 2.1.1 they have no role: its two sides
	// have details of their own.
	Endpoints []ocpi.Endpoint
	Encoding  control.TokenEncoding // in which the partner took the token
}

// Credentials returns the URL of the credentials module, whose role is nobody's
// business (R-VER-02).
func (f *Found) Credentials() (string, error) {
	for _, e := range f.Endpoints {
		if e.Identifier == "credentials" {
			return e.URL, nil
		}
	}
	return "", fmt.Errorf("%w: OCPI %s at %s lists no credentials", ErrNoEndpoint, f.Version, f.VersionsURL)
}

// best are the versions that are spoken here, the best one first.
var best = []ocpi.Version{ocpi.V230, ocpi.V221, ocpi.V211}

// Discover asks a partner for its versions, chooses the best that is spoken on
// both sides, or want where that is not 0, and asks for its modules. An encoding
// of "" has both tried. Errors: ErrUnreachable, ErrNoVersion, ErrNoEndpoint.
func (d *Dialer) Discover(ctx context.Context, versionsURL, token string, encoding control.TokenEncoding, want ocpi.Version) (*Found, error) {
	l := login{token: token, encoding: encoding, version: want}
	f := &Found{VersionsURL: versionsURL}
	var versions []ocpi.VersionInfo
	var err error
	if f.Encoding, err = d.ask(ctx, l, versionsURL, &versions); err != nil {
		return nil, fmt.Errorf("read versions: %w", err)
	}
	detailsURL, err := f.choose(versions, want)
	if err != nil {
		return nil, err
	}
	if detailsURL, err = absolute(versionsURL, detailsURL); err != nil {
		return nil, fmt.Errorf("read versions: %w", err)
	}
	// What was tried for the list is not what OCPI has for the version that was
	// chosen; what the partner took is.
	l.encoding, l.version = f.Encoding, f.Version
	var details []ocpi.VersionDetails
	if f.Encoding, err = d.ask(ctx, l, detailsURL, &details); err != nil {
		return nil, fmt.Errorf("read details of OCPI %s: %w", f.Version, err)
	}
	listed := false
	for _, v := range details {
		listed = f.add(detailsURL, v.Endpoints) || listed
	}
	if !listed {
		return nil, fmt.Errorf("%w: OCPI %s at %s lists none", ErrNoEndpoint, f.Version, versionsURL)
	}
	return f, nil
}

// choose sets the version and returns the URL of its details.
func (f *Found) choose(versions []ocpi.VersionInfo, want ocpi.Version) (detailsURL string, err error) {
	urls := map[ocpi.Version]string{}
	for _, v := range versions {
		f.Offered = append(f.Offered, v.Version)
		known, ok := ocpi.ParseVersion(strings.TrimSpace(v.Version))
		if ok && urls[known] == "" {
			urls[known] = v.URL
		}
	}
	for _, v := range best {
		if urls[v] != "" && (want == 0 || v == want) {
			f.Version = v
			return urls[v], nil
		}
	}
	wanted := "2.3.0, 2.2.1 or 2.1.1"
	if want != 0 {
		wanted = want.String()
	}
	return "", fmt.Errorf("%w: the partner offers %s, we want %s", ErrNoVersion, enumerate(f.Offered), wanted)
}

// enumerate lists what a partner offers, so far as it is a list to be read.
func enumerate(offered []string) string {
	if len(offered) == 0 {
		return "none"
	}
	return words(strings.Join(offered, ", "), "")
}

// add keeps the endpoints of OCPI's modules, of each side of each the first: what is
// kept of a partner stands in the control log for ever. It reports whether there was
// any, of whatever module.
func (f *Found) add(detailsURL string, endpoints []ocpi.Endpoint) (any bool) {
	for _, e := range endpoints {
		one := ocpi.Endpoint{Identifier: strings.ToLower(e.Identifier), Role: ocpi.InterfaceRole(strings.ToUpper(string(e.Role)))}
		if one.Role != ocpi.RoleSender && one.Role != ocpi.RoleReceiver {
			one.Role = ""
		}
		var err error
		one.URL, err = absolute(detailsURL, e.URL)
		any = any || err == nil
		if err == nil && defined(one.Identifier) && !f.has(one) {
			f.Endpoints = append(f.Endpoints, one)
		}
	}
	return any
}

// defined reports whether OCPI has such a module.
func defined(identifier string) bool {
	switch identifier {
	case "credentials", "commands", "chargingprofiles", "hubclientinfo", "invoicereconciliation", "payments", "bookings":
		return true
	}
	return slices.ContainsFunc(modules, func(m module) bool { return m.id == identifier })
}

func (f *Found) has(one ocpi.Endpoint) bool {
	return slices.ContainsFunc(f.Endpoints, func(e ocpi.Endpoint) bool { return e.Identifier == one.Identifier && e.Role == one.Role })
}

// absolute is a URL as a partner gives it, seen from where it was given.
func absolute(from, text string) (string, error) {
	base, err := url.Parse(from)
	if err == nil && text != "" {
		var u *url.URL
		if u, err = base.Parse(strings.TrimSpace(text)); err == nil {
			return u.String(), nil
		}
	}
	return "", fmt.Errorf("%w: it gives %q for a URL", ErrUnreachable, words(text, ""))
}

// ask reads a list of something into list: partners give what there is one of as
// the thing itself, in place of a list of one, and the other way round.
func (d *Dialer) ask(ctx context.Context, l login, at string, list any) (control.TokenEncoding, error) {
	a, e, err := d.do(ctx, l, call{method: http.MethodGet, url: at, module: "versions"})
	if err != nil {
		return e, err
	}
	data := a.Data
	if len(data) == 0 {
		return e, nil
	}
	if bytes.HasPrefix(data, []byte("{")) {
		data = append(append([]byte("["), data...), ']')
	}
	if err := json.Unmarshal(data, list); err != nil {
		return e, &Error{Method: http.MethodGet, Path: pathOf(at), HTTP: a.HTTP, Status: a.Status, Err: fmt.Errorf("its data cannot be read: %w", err)}
	}
	return e, nil
}

func pathOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.EscapedPath()
}
