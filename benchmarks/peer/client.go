package peer

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// errNoVersion says that the other side does not speak the peer's version.
var errNoVersion = errors.New("the other side does not offer this version")

// client is what the peer calls the other side with. It knows no policy of URLs:
// it is a test's.
var client = &http.Client{Timeout: 30 * time.Second}

// discover reads the modules that the other side has in the peer's version.
func (p *Peer) discover(ctx context.Context, versionsURL, token string) ([]ocpi.Endpoint, error) {
	var versions []ocpi.VersionInfo
	if _, err := p.call(ctx, http.MethodGet, versionsURL, token, nil, &versions); err != nil {
		return nil, err
	}
	for _, v := range versions {
		if v.Version != p.options.Version.String() {
			continue
		}
		var details ocpi.VersionDetails
		if _, err := p.call(ctx, http.MethodGet, v.URL, token, nil, &details); err != nil {
			return nil, err
		}
		return details.Endpoints, nil
	}
	return nil, fmt.Errorf("%w: %s", errNoVersion, p.options.Version)
}

// Call sends a request to a module of the other side, as it was registered, and
// reads the data of the answer into data; both may be nil.
func (p *Peer) Call(ctx context.Context, method, module string, role ocpi.InterfaceRole, path string, body, data any) error {
	p.mu.Lock()
	at, token := "", p.outgoing.token
	for _, e := range p.outgoing.endpoints {
		if e.Identifier == module && (e.Role == role || e.Role == "") {
			at = e.URL
		}
	}
	p.mu.Unlock()
	if at == "" {
		return fmt.Errorf("the other side has no %s of %s", role, module)
	}
	_, err := p.call(ctx, method, at+path, token, body, data)
	return err
}

// call sends a request; its data comes back as it was sent, too.
func (p *Peer) call(ctx context.Context, method, at, token string, body, data any) ([]byte, error) {
	var sent []byte
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			return nil, fmt.Errorf("%s %s: %w", method, at, err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, at, bytes.NewReader(sent))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, at, err)
	}
	req.Header.Set("Authorization", p.authorization(token))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(ocpi.HeaderRequestID, rand.Text())
	req.Header.Set(ocpi.HeaderCorrelationID, rand.Text())
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, at, err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, at, err)
	}
	var e struct {
		Data    json.RawMessage `json:"data"`
		Code    int             `json:"status_code"`
		Message string          `json:"status_message"`
	}
	if err := json.Unmarshal(answer, &e); err != nil || resp.StatusCode >= 300 || e.Code/1000 != 1 {
		return nil, fmt.Errorf("%s %s: HTTP %d, OCPI %d %s", method, at, resp.StatusCode, e.Code, e.Message)
	}
	if data != nil {
		if err := json.Unmarshal(e.Data, data); err != nil {
			return nil, fmt.Errorf("%s %s: read data: %w", method, at, err)
		}
	}
	return e.Data, nil
}
