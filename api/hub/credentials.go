package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/partner"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// Callback asks a client what it offers in a version of OCPI: a partner.Dialer.
// Errors: partner.ErrUnreachable (told as 3001), ErrNoVersion (3002),
// ErrNoEndpoint (3003), none of which shows the token.
type Callback interface {
	Discover(ctx context.Context, versionsURL, token string, encoding control.TokenEncoding, want ocpi.Version) (*partner.Found, error)
}

// Registry keeps what clients register: a control.Partners.
type Registry interface {
	Presented(authorization string) (token string, ok bool)
	Register(ctx context.Context, command, id string, r control.Registration) (*control.Partner, string, error)
	Update(ctx context.Context, command, id string, r control.Registration) (*control.Partner, string, error)
	Unregister(ctx context.Context, command, id string, expect uint64) error
	Credentials(p *control.Partner, v ocpi.Version, self control.Self, token, versionsURL string) *ocpi.Credentials
}

// callBackWithin is how long a client's own interface is waited for: less than an
// answer may take.
const callBackWithin = 40 * time.Second

// credentialsModule opens with the token of an invitation, as versions do.
func credentialsModule() module {
	return module{id: "credentials", invited: true, doors: []door{
		{method: http.MethodGet, handle: (*exchange).getCredentials},
		{method: http.MethodPost, handle: (*exchange).postCredentials},
		{method: http.MethodPut, handle: (*exchange).putCredentials},
		{method: http.MethodDelete, handle: (*exchange).deleteCredentials},
	}}
}

// getCredentials gives a client back what it has to call us with: the token that
// it has just used, for of that we keep but a hash (R-AUTH-09).
func (x *exchange) getCredentials() (answer, error) {
	token, ok := x.s.Partners.Presented(header(x.r, "Authorization"))
	if !ok {
		return answer{}, api.ErrUnauthorized // it ended this very moment
	}
	return x.credentials(x.partner, token)
}

// postCredentials registers a client (OCPI 2.2.1 credentials, "POST Method").
func (x *exchange) postCredentials() (answer, error) {
	if x.partner.Stage() == control.StageRegistered {
		return answer{}, x.notAllowed("GET, PUT, DELETE", "you are registered already, PUT changes what you registered")
	}
	return x.handshake("registered", x.s.Partners.Register)
}

// putCredentials takes what a registered client has changed, and has it called in
// this version from then on ("PUT Method").
func (x *exchange) putCredentials() (answer, error) {
	if x.partner.Stage() != control.StageRegistered {
		return answer{}, x.notAllowed("GET, POST", "you have not registered, which POST does")
	}
	return x.handshake("registration updated", x.s.Partners.Update)
}

// deleteCredentials ends a registration ("DELETE Method").
func (x *exchange) deleteCredentials() (answer, error) {
	if x.partner.Stage() != control.StageRegistered {
		return answer{}, x.notAllowed("GET, POST", "you have not registered")
	}
	if err := x.s.Partners.Unregister(x.r.Context(), "", x.partner.ID, 0); err != nil {
		return answer{}, err
	}
	x.s.Logger.Info("partner unregistered itself", "partner", x.partner.ID)
	return answer{}, nil
}

// notAllowed refuses a method in the stage that the partner has come to.
func (x *exchange) notAllowed(methods, reason string) error {
	x.setHeader("Allow", methods)
	return fmt.Errorf("%w: %s", api.ErrMethod, reason)
}

// register is what of a Registry completes a handshake.
type register func(ctx context.Context, command, id string, r control.Registration) (*control.Partner, string, error)

// handshake calls the client back before anything of it is kept: what fails
// leaves it as it was, to be tried again (R-CRED-02).
func (x *exchange) handshake(done string, complete register) (answer, error) {
	if err := x.s.places.handshakes.enter(x.partner.ID, x.s.Now()); err != nil {
		return answer{}, err
	}
	defer x.s.places.handshakes.leave(x.partner.ID)
	if err := x.mayTakeLong(); err != nil {
		return answer{}, err
	}
	var d ocpi.Decoder
	theirs, err := d.Credentials(x.route.version, x.body)
	if err == nil {
		err = x.judgeCredentials(theirs.Findings)
	}
	if err != nil {
		return answer{}, err
	}
	found, err := x.callBack(theirs)
	if err != nil {
		x.s.Logger.Warn("a client could not be called back", "partner", x.partner.ID, "version", x.route.version.String(), "error", err)
		return answer{}, err
	}
	if !x.stillKnown() { // its token ended while we called: nobody gets another for one that has leaked
		return answer{}, api.ErrUnauthorized
	}
	x.s.places.handshakes.count(x.partner.ID, x.s.Now())
	p, token, err := complete(x.r.Context(), "", x.partner.ID, control.Registration{
		Peer: control.Peer{
			Version: found.Version, URL: theirs.URL, Endpoints: found.Endpoints,
			Token: x.s.Sealer.Seal(theirs.Token), Encoding: found.Encoding,
		},
		Name: theirs.Roles[0].Name, Roles: x.offered(theirs), Told: control.Told(x.own(x.partner, "")),
	})
	if err != nil {
		return answer{}, err
	}
	x.s.Logger.Info("partner "+done, "partner", p.ID, "version", found.Version.String(), "pending", p.Pending)
	a, err := x.credentials(p, token)
	a.message = successMessage("", theirs.Findings)
	return a, err
}

// judgeCredentials counts what is found in credentials, and refuses it where that is
// agreed, as it is in every other body.
func (x *exchange) judgeCredentials(findings []ocpi.Finding) error {
	refused := x.refusing(findings)
	if refused == nil {
		return nil
	}
	return &ocpi.Invalid{Fields: refused}
}

// callBack asks the client for its modules in the version that it spoke.
func (x *exchange) callBack(theirs *ocpi.Credentials) (*partner.Found, error) {
	if i := x.partner.Invitation; i != nil && i.Version != 0 && i.Version != x.route.version {
		return nil, &peerError{ocpi.StatusNoVersion, fmt.Errorf("you are invited to register with OCPI %s, this is %s", i.Version, x.route.version)}
	}
	ctx, cancel := context.WithTimeout(x.r.Context(), callBackWithin)
	defer cancel()
	found, err := x.s.Callback.Discover(partner.For(ctx, x.partner.ID), theirs.URL, theirs.Token, "", x.route.version)
	switch {
	case err == nil:
		return found, nil
	case errors.Is(err, partner.ErrNoVersion):
		return nil, &peerError{ocpi.StatusNoVersion, err}
	case errors.Is(err, partner.ErrNoEndpoint):
		return nil, &peerError{ocpi.StatusNoEndpoint, err}
	}
	return nil, &peerError{ocpi.StatusPeerError, err}
}

// peerError says why a client cannot be called, as OCPI's codes have it (2.2.1
// status_codes, 3xxx). It is an [api.ErrPeer].
type peerError struct {
	status ocpi.Status
	err    error
}

// Error implements error.
func (e *peerError) Error() string { return e.err.Error() }

// Unwrap returns api.ErrPeer and the cause.
func (e *peerError) Unwrap() []error { return []error{api.ErrPeer, e.err} }

// offered returns the roles that a client offers. A party that came without one,
// as those of OCPI 2.1.1, has those that it was granted, else the one that the
// tree of URLs is for.
func (x *exchange) offered(theirs *ocpi.Credentials) []control.Role {
	var roles []control.Role
	for _, r := range theirs.Roles {
		if r.Role != "" {
			roles = append(roles, control.NewRole(r.Role, r.Party.Country, r.Party.ID))
			continue
		}
		known := len(roles)
		for _, own := range x.partner.Roles {
			if own.Party() == r.Party {
				roles = append(roles, own)
			}
		}
		if role := x.route.edition.theirRole(); role != "" && len(roles) == known {
			roles = append(roles, control.NewRole(role, r.Party.Country, r.Party.ID))
		}
	}
	if hub, ok := control.HubRole(theirs); ok && !slices.Contains(roles, hub) {
		roles = append(roles, hub)
	}
	return roles
}

// theirRole returns the role of those whom a tree of 2.1.1 is for.
func (ed *edition) theirRole() string {
	switch ed.tree {
	case treeEMSP:
		return control.RoleCPO
	case treeCPO:
		return control.RoleEMSP
	}
	return ""
}

// credentials answers with our own credentials, as a partner sees them.
func (x *exchange) credentials(p *control.Partner, token string) (answer, error) {
	data, err := x.own(p, token).Encode(x.route.version)
	return answer{data: data}, err
}

// own are our own credentials. Who has both roles of OCPI 2.1.1 is sent to the
// versions of the tree it came by.
func (x *exchange) own(p *control.Partner, token string) *ocpi.Credentials {
	versions := "/versions"
	if tree := x.route.edition.tree; tree != "" && len(p.Charging().Parties) > 0 && len(p.Mobility().Parties) > 0 {
		versions = "/" + tree + versions
	}
	self := control.Self{Party: x.s.Party, Name: x.s.Name}
	return x.s.Partners.Credentials(p, x.route.version, self, token, x.url(versions))
}

// opensRegistration reports whether a path where no route answers is one that who
// is invited may ask for: there is nothing there, or not by this method.
func opensRegistration(path string) bool {
	last := path[strings.LastIndexByte(path, '/')+1:]
	_, isVersion := ocpi.ParseVersion(last)
	return isVersion || last == "versions" || last == "credentials"
}
