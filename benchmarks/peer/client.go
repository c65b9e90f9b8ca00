package peer

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// errNoVersion says that the other side does not speak the peer's version.
var errNoVersion = errors.New("the other side does not offer this version")

// client is what peers call the other side with, by http or as the system knows it. It
// keeps as many connections as a benchmark has pushes under way.
var client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

// newClient is client for another side that is known by other means.
func newClient(config *tls.Config) *http.Client {
	if config == nil {
		return client
	}
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64, TLSClientConfig: config}}
}

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
	at, token, err := p.endpoint(module, role)
	if err != nil {
		return err
	}
	_, err = p.call(ctx, method, at+path, token, body, data)
	return err
}

// endpoint is where the other side has a side of a module, and the token for it.
func (p *Peer) endpoint(module string, role ocpi.InterfaceRole) (at, token string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.outgoing.endpoints {
		if e.Identifier == module && (e.Role == role || e.Role == "") {
			at = e.URL
		}
	}
	if at == "" {
		return "", "", fmt.Errorf("the other side has no %s of %s", role, module)
	}
	return at, p.outgoing.token, nil
}

// Message is a request to a party of the other side, or behind it.
type Message struct {
	Method, Module string
	Role           ocpi.InterfaceRole // of the module: the other side's
	Path           string             // below the module's URL, or the whole URL of one that was answered
	To             ocpi.Party         // zero = none is named
	Correlation    string             // "" = a new one
	Body           []byte
}

// Reply is what was answered.
type Reply struct {
	HTTP    int
	Code    ocpi.Status
	Message string
	Data    json.RawMessage
	Header  http.Header
}

// Ask sends a message from the peer's first party, and returns its answer, whatever that
// says.
func (p *Peer) Ask(ctx context.Context, m Message) (*Reply, error) {
	at, token, err := p.endpoint(m.Module, m.Role)
	if err != nil {
		return nil, err
	}
	at += m.Path
	if strings.HasPrefix(m.Path, "http") {
		at = m.Path
	}
	req, err := http.NewRequestWithContext(ctx, m.Method, at, bytes.NewReader(m.Body))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", m.Method, at, err)
	}
	req.Header.Set("Authorization", p.authorization(token))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(ocpi.HeaderRequestID, rand.Text())
	req.Header.Set(ocpi.HeaderCorrelationID, cmp.Or(m.Correlation, rand.Text()))
	if p.options.Version != ocpi.V211 {
		req.Header.Set(ocpi.HeaderFromCountry, p.options.Party.Country)
		req.Header.Set(ocpi.HeaderFromParty, p.options.Party.ID)
		if !m.To.IsZero() {
			req.Header.Set(ocpi.HeaderToCountry, m.To.Country)
			req.Header.Set(ocpi.HeaderToParty, m.To.ID)
		}
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", m.Method, at, err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	var e struct {
		Data    json.RawMessage `json:"data"`
		Code    ocpi.Status     `json:"status_code"`
		Message string          `json:"status_message"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxBody)).Decode(&e); err != nil {
		return nil, fmt.Errorf("%s %s: HTTP %d: %w", m.Method, at, resp.StatusCode, err)
	}
	return &Reply{resp.StatusCode, e.Code, e.Message, e.Data, resp.Header}, nil
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
	resp, err := p.client.Do(req)
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
