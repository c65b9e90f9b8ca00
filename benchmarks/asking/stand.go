package asking

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/roamclear/roamclear/benchmarks/drive"
	"github.com/roamclear/roamclear/benchmarks/peer"
	"github.com/roamclear/roamclear/benchmarks/process"
	"github.com/roamclear/roamclear/benchmarks/world"
	"github.com/roamclear/roamclear/ocpi"
)

var (
	cpo  = world.Partner{Role: "CPO", Party: ocpi.NewParty("GB", "DUN"), Name: "Dundee"}
	emsp = ocpi.NewParty("DE", "EMP")
)

// Tokens of the eMSP: one that is always allowed, and one that it has to be asked for,
// which is in its own list.
const (
	always = "ALWAYS1"
	asked  = "04A1B2C3D4E501"
)

// stand is what is measured: a service over plain HTTP with an eMSP behind it, and one
// over https.
type stand struct {
	Options
	plain, secure           *process.Roamclear
	plainToken, secureToken string // of the CPO
	emsp                    *peer.Peer
	stopEMSP                func() error
	run                     string // begins the ids of Sessions
}

// kind is one kind of request.
type kind struct {
	name    string
	beside  int // how many before stands what it is compared with; 0 = with nothing
	service *process.Roamclear
	do      drive.Do
}

func (s *stand) kinds() []kind {
	kept, keptTLS := s.client(nil, false), s.client(s.secure.TLS, false)
	each, eachTLS := s.client(nil, true), s.client(s.secure.TLS, true)
	push := func(client *http.Client, r *process.Roamclear, token, prefix string, to ocpi.Party) drive.Do {
		return func(ctx context.Context, n int) string {
			id := fmt.Sprintf("%s%s%d-%x", s.run, prefix, n, rand.Uint32())
			return send(ctx, client, http.MethodPut, r.URL+"/ocpi/2.2.1/receiver/sessions/GB/DUN/"+id, token, fmt.Sprintf(sessionBody, id), to, `"status_code":1000`)
		}
	}
	authorize := func(uid string) drive.Do {
		return func(ctx context.Context, _ int) string {
			return send(ctx, kept, http.MethodPost, s.plain.URL+"/ocpi/2.2.1/sender/tokens/"+uid+"/authorize", s.plainToken, `{"location_id":"L1"}`, ocpi.Party{}, `"ALLOWED"`)
		}
	}
	return []kind{
		{"an empty handler", 0, s.plain, func(ctx context.Context, _ int) string {
			return send(ctx, kept, http.MethodGet, s.plain.URL+"/healthz", s.plainToken, "", ocpi.Party{}, "")
		}},
		{"an authorization that the store answers", 0, s.plain, authorize(always)},
		{"an authorization that the eMSP is asked for", 1, s.plain, authorize(asked)},
		{"a Session that is kept", 0, s.plain, push(kept, s.plain, s.plainToken, "K", ocpi.Party{})},
		{"a Session that is passed on", 1, s.plain, push(kept, s.plain, s.plainToken, "P", emsp)},
		{"a Session over https, certificate of the client", 2, s.secure, push(keptTLS, s.secure, s.secureToken, "S", ocpi.Party{})},
		{"a Session, a connection each", 3, s.plain, push(each, s.plain, s.plainToken, "C", ocpi.Party{})},
		{"a Session over https, certificate of the client, a connection each", 1, s.secure, push(eachTLS, s.secure, s.secureToken, "T", ocpi.Party{})},
	}
}

const sessionBody = `{"country_code":"GB","party_id":"DUN","id":"%s","start_date_time":"2025-01-01T10:00:00Z","kwh":1.5,` +
	`"cdr_token":{"country_code":"DE","party_id":"EMP","uid":"ALWAYS1","type":"RFID","contract_id":"DE-EMP-C00000001"},"auth_method":"WHITELIST",` +
	`"location_id":"L1","evse_uid":"E1","connector_id":"1","currency":"GBP","charging_periods":[{"start_date_time":"2025-01-01T10:00:00Z",` +
	`"dimensions":[{"type":"ENERGY","volume":1.5},{"type":"TIME","volume":0.25}]}],"status":"ACTIVE","last_updated":"2025-01-01T10:15:00Z"}`

func (s *stand) client(c *tls.Config, connectionEach bool) *http.Client {
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: s.Connections, DisableCompression: true, DisableKeepAlives: connectionEach, TLSClientConfig: c}}
}

// send returns "" for success that says what is wanted, else what was answered.
func send(ctx context.Context, client *http.Client, method, at, token, body string, to ocpi.Party, want string) string {
	r, err := http.NewRequestWithContext(ctx, method, at, strings.NewReader(body))
	if err != nil {
		return err.Error()
	}
	r.Header.Set("Authorization", "Token "+base64.StdEncoding.EncodeToString([]byte(token)))
	r.Header.Set("Content-Type", "application/json")
	if !to.IsZero() {
		r.Header.Set(ocpi.HeaderFromCountry, cpo.Party.Country)
		r.Header.Set(ocpi.HeaderFromParty, cpo.Party.ID)
		r.Header.Set(ocpi.HeaderToCountry, to.Country)
		r.Header.Set(ocpi.HeaderToParty, to.ID)
	}
	resp, err := client.Do(r)
	if err != nil {
		return "no answer: " + err.Error()[max(0, len(err.Error())-60):]
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 || !strings.Contains(string(answer), want) {
		return fmt.Sprintf("HTTP %d %s", resp.StatusCode, answer[:min(len(answer), 120)])
	}
	return ""
}

// start starts both services and the eMSP.
func (s *stand) start(ctx context.Context) (err error) {
	s.run = fmt.Sprintf("%x", rand.Uint32())
	certs := filepath.Join(s.Dir, "certs")
	if out, err := exec.CommandContext(ctx, s.Binary, "cert", "dev", "--out", certs).CombinedOutput(); err != nil {
		return fmt.Errorf("make certificates: %w: %s", err, out)
	}
	if s.plain, err = s.serve(ctx, "plain", nil, "--partner_urls.allow_private"); err != nil {
		return err
	}
	client, err := clientOf(certs)
	if err != nil {
		return err
	}
	in := func(name string) string { return filepath.Join(certs, name) }
	if s.secure, err = s.serve(ctx, "secure", client, "--tls.cert", in("server.pem"), "--tls.key", in("server-key.pem"), "--tls.client_ca", in("ca.pem"), "--tls.client_auth", "request"); err != nil {
		return err
	}
	if s.plainToken, err = s.plain.AddPartner(ctx, cpo); err != nil {
		return err
	}
	if s.secureToken, err = s.secure.AddPartner(ctx, cpo); err != nil {
		return err
	}
	const id = "gb-dun-cpo"
	for _, args := range [][]string{{"partner", "cert", "add", id, "--file", in("partner.pem")}, {"partner", "cert", "require", id}} {
		if _, err := s.secure.Run(ctx, args...); err != nil {
			return err
		}
	}
	if why := send(ctx, s.client(&tls.Config{RootCAs: client.RootCAs}, true), http.MethodGet, s.secure.URL+"/ocpi/versions", s.secureToken, "", ocpi.Party{}, ""); !strings.HasPrefix(why, "HTTP 401") {
		return fmt.Errorf("who comes without a certificate is answered %q, want HTTP 401", why)
	}
	return s.register(ctx)
}

func (s *stand) serve(ctx context.Context, name string, client *tls.Config, args ...string) (*process.Roamclear, error) {
	listen, err := process.FreeAddress()
	if err != nil {
		return nil, err
	}
	r, err := process.Serve(filepath.Join(s.Dir, name+".log"), s.Binary, filepath.Join(s.Dir, name), listen, args...)
	if err != nil {
		return nil, err
	}
	if client != nil {
		r.Secure(client)
	}
	within, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	if err := r.Ready(within); err != nil {
		return nil, errors.Join(err, r.Kill())
	}
	return r, nil
}

// clientOf is what a client with the certificate in a directory comes with.
func clientOf(certs string) (*tls.Config, error) {
	ca, err := os.ReadFile(filepath.Join(certs, "ca.pem"))
	if err != nil {
		return nil, err
	}
	own, err := tls.LoadX509KeyPair(filepath.Join(certs, "partner.pem"), filepath.Join(certs, "partner-key.pem"))
	if err != nil {
		return nil, fmt.Errorf("read the client's certificate: %w", err)
	}
	c := &tls.Config{RootCAs: x509.NewCertPool(), Certificates: []tls.Certificate{own}}
	if !c.RootCAs.AppendCertsFromPEM(ca) {
		return nil, errors.New("no certificate in ca.pem")
	}
	return c, nil
}

// register has the eMSP register with the service over plain HTTP and push its Tokens.
func (s *stand) register(ctx context.Context) (err error) {
	if s.emsp, err = peer.New(peer.Options{Role: peer.EMSP, Party: emsp, Version: ocpi.V221}); err != nil {
		return err
	}
	if s.stopEMSP, err = s.emsp.Listen(); err != nil {
		return err
	}
	tokenA, err := s.plain.Run(ctx, "partner", "invite", "--role", "EMSP", "--country", emsp.Country, "--party", emsp.ID, "--version", "2.2.1")
	if err != nil {
		return err
	}
	if err := s.emsp.Connect(ctx, s.plain.URL+"/ocpi/versions", tokenA); err != nil {
		return err
	}
	for uid, whitelist := range map[string]string{always: "ALWAYS", asked: "NEVER"} {
		body := fmt.Sprintf(`{"country_code":"DE","party_id":"EMP","uid":%q,"type":"RFID","contract_id":"DE-EMP-C00000001","issuer":"Example","valid":true,"whitelist":%q,"last_updated":"2025-01-01T00:00:00Z"}`, uid, whitelist)
		if err := s.emsp.Call(ctx, http.MethodPut, "tokens", ocpi.RoleReceiver, "/DE/EMP/"+uid, json.RawMessage(body), nil); err != nil {
			return err
		}
	}
	return nil
}

func (s *stand) stop() error {
	var errs []error
	for _, r := range []*process.Roamclear{s.plain, s.secure} {
		if r != nil {
			errs = append(errs, r.Kill())
		}
	}
	if s.stopEMSP != nil {
		errs = append(errs, s.stopEMSP())
	}
	return errors.Join(errs...)
}
