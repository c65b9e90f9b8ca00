package partner

import (
	"context"
	"net/http"

	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// Preferences are what a driver prefers for a Session, on their way from an eMSP to the
// CPO that the Session is of.
type Preferences struct {
	CPO         *control.Partner
	Session     string     // its id, as its CPO writes it
	From, For   ocpi.Party // the eMSP, and the CPO
	Correlation string     // "" = a new one
	Body        []byte     // ChargingPreferences, as the eMSP sent them
}

// ChargingPreferences sends them and returns what the CPO answers: the Data of the
// answer is a ChargingPreferencesResponse such as "ACCEPTED", with its quotes (OCPI
// 2.2.1 mod_sessions, "PUT Method" of the Sender interface). Errors as those of
// [Forwarder.Send]; a CPO of OCPI 2.1.1, which knows no preferences, is ErrNoEndpoint.
func (f *Forwarder) ChargingPreferences(ctx context.Context, p Preferences) (*Answer, error) {
	return f.Send(ctx, p.Request())
}

// Request is the request that they are sent with.
func (p Preferences) Request() Request {
	return Request{
		To: p.CPO, Module: "sessions", Side: ocpi.RoleSender, Method: http.MethodPut, Since: ocpi.V221,
		Path: []string{p.Session, "charging_preferences"}, Body: p.Body, From: p.From, For: p.For, Correlation: p.Correlation,
	}
}
