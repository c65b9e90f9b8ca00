package partner

import (
	"context"
	"fmt"
	"net/http"

	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// Knock is one call of a partner's credentials module (mod_credentials).
type Knock struct {
	Partner  string // its id, "" where it is none yet
	URL      string // of the module
	Version  ocpi.Version
	Token    string // that the partner gave us
	Encoding control.TokenEncoding
}

// PostCredentials registers us with a partner: own are our credentials, with the
// token that it will have; the answer is the partner's, with the one that we have
// from then on. The error is an *Error: of one that is not of HTTP 405 nobody
// knows whether the partner has registered us, unless it said no.
func (d *Dialer) PostCredentials(ctx context.Context, k Knock, own []byte) (theirs []byte, err error) {
	return d.credentials(ctx, http.MethodPost, k, own)
}

// PutCredentials gives a partner that has registered us new credentials, and
// returns its new ones (R-CRED-03).
func (d *Dialer) PutCredentials(ctx context.Context, k Knock, own []byte) (theirs []byte, err error) {
	return d.credentials(ctx, http.MethodPut, k, own)
}

// GetCredentials returns a partner's credentials; by token A it may not.
func (d *Dialer) GetCredentials(ctx context.Context, k Knock) (theirs []byte, err error) {
	return d.credentials(ctx, http.MethodGet, k, nil)
}

// DeleteCredentials ends the registration with a partner.
func (d *Dialer) DeleteCredentials(ctx context.Context, k Knock) error {
	_, err := d.credentials(ctx, http.MethodDelete, k, nil)
	return err
}

func (d *Dialer) credentials(ctx context.Context, method string, k Knock, own []byte) ([]byte, error) {
	c := call{partner: k.Partner, method: method, url: k.URL, body: own, module: "credentials"}
	a, _, err := d.do(ctx, login{k.Token, k.Encoding, k.Version}, c)
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	if len(a.Data) == 0 && method != http.MethodDelete {
		return nil, fmt.Errorf("credentials: %w", &Error{Partner: k.Partner, Method: method, Path: pathOf(k.URL), HTTP: a.HTTP, Status: a.Status,
			Message: a.Message, Err: fmt.Errorf("the answer holds no credentials")})
	}
	return a.Data, nil
}
