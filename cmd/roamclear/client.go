package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/roamclear/roamclear/api"
	"github.com/spf13/cobra"
)

// Files in the data directory by which commands find the running service, and
// the environment that takes their place.
const (
	serviceFile        = "service.json" // {"url": "http://127.0.0.1:8080"}
	adminTokenFile     = "admin-token"
	urlVariable        = "ROAMCLEAR_URL"
	tokenVariable      = "ROAMCLEAR_ADMIN_TOKEN"
	apiKeyVariable     = "ROAMCLEAR_API_KEY"
	caVariable         = "ROAMCLEAR_CA"
	clientCertVariable = "ROAMCLEAR_CLIENT_CERT"
	clientKeyVariable  = "ROAMCLEAR_CLIENT_KEY"
)

// serviceFlags say which running service a command talks to.
type serviceFlags struct {
	data string
	url  string
	// Of a service elsewhere, over https: files with the CA that signs its certificate,
	// and with a certificate for it and its key.
	ca, clientCert, clientKey string
}

func (f *serviceFlags) register(cmd *cobra.Command) {
	cmd.PersistentFlags().StringVar(&f.data, "data", "data", "data directory of the running service")
	cmd.PersistentFlags().StringVar(&f.url, "url", "", "URL of a service that runs elsewhere (or "+urlVariable+"); its admin token is taken from "+tokenVariable+", or the file in "+tokenVariable+"_FILE, alone")
	cmd.PersistentFlags().StringVar(&f.ca, "ca", "", "file with the CA of a service that runs elsewhere, PEM, beside those of the system (or "+caVariable+")")
	cmd.PersistentFlags().StringVar(&f.clientCert, "client-cert", "", "file with the certificate to show to it, PEM (or "+clientCertVariable+")")
	cmd.PersistentFlags().StringVar(&f.clientKey, "client-key", "", "file with the key of --client-cert, PEM (or "+clientKeyVariable+")")
	must(cmd.MarkPersistentFlagDirname("data"))
	for _, name := range []string{"ca", "client-cert", "client-key"} {
		must(cmd.MarkPersistentFlagFilename(name, "pem", "crt", "key"))
	}
}

// client finds the service and the admin token. What the data directory holds
// goes to the service of that data directory alone, as its own file names it:
// whoever --url or the environment names gets a token only where one is given.
func (f *serviceFlags) client() (*adminClient, error) {
	c, err := f.find()
	if err != nil {
		return nil, err
	}
	given := secret{Text: os.Getenv(tokenVariable), File: os.Getenv(tokenVariable + "_FILE")}
	if err := given.read("admin.token"); err != nil {
		return nil, &exitError{exitUsage, err}
	}
	if c.token = given.Text; c.token != "" {
		return c, nil
	}
	if c.elsewhere {
		return nil, &exitError{exitUsage, fmt.Errorf("no admin token for %s: it is not the service of %s, whose token goes nowhere else; set %s to what is in %s of that service's data directory",
			c.url, f.data, tokenVariable, adminTokenFile)}
	}
	if c.token = c.shared; c.token != "" {
		return c, nil
	}
	token, err := os.ReadFile(filepath.Join(f.data, adminTokenFile))
	if err != nil {
		return nil, fmt.Errorf("read admin token: %w (run this as the user the service runs as, or set %s)", err, tokenVariable)
	}
	c.token = strings.TrimSpace(string(token))
	return c, nil
}

// keyClient is the client of what is done under one's own name: by the API key that the
// environment has, else by the admin token.
func (f *serviceFlags) keyClient() (*adminClient, error) {
	key := os.Getenv(apiKeyVariable)
	if key == "" {
		return f.client()
	}
	c, err := f.find()
	if err == nil {
		c.token, c.base = key, "/api/v1"
	}
	return c, err
}

// find finds the service.
func (f *serviceFlags) find() (*adminClient, error) {
	c := &adminClient{url: cmp.Or(f.url, os.Getenv(urlVariable)), base: "/admin/v1", data: f.data}
	own, err := f.running()
	if c.url == "" {
		if err != nil {
			return nil, err
		}
		c.url = own.URL
	}
	c.shared = own.Token
	c.elsewhere = err != nil || !sameService(c.url, own.URL)
	c.url = strings.TrimRight(c.url, "/")
	if c.tls, err = f.trust(own.TLS, c.elsewhere); err != nil {
		return nil, err
	}
	c.http = newAdminHTTP(c.tls)
	return c, nil
}

// newAdminHTTP follows no redirect: the token is for the service that was named.
func newAdminHTTP(config *tls.Config) *http.Client {
	c := &http.Client{Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if config != nil {
		c.Transport = &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: config}
	}
	return c
}

// trust is how a service is known over https: that of the data directory by the
// certificate that its own file names, any other by who signs its certificate. nil is
// as the system has it.
func (f *serviceFlags) trust(own *serviceTLS, elsewhere bool) (*tls.Config, error) {
	if !elsewhere {
		return own.config()
	}
	files := api.IdentityFiles{
		CA: cmp.Or(f.ca, os.Getenv(caVariable)), Cert: cmp.Or(f.clientCert, os.Getenv(clientCertVariable)), Key: cmp.Or(f.clientKey, os.Getenv(clientKeyVariable)),
	}
	if (files.Cert == "") != (files.Key == "") {
		return nil, wrongUsage("--client-cert and --client-key: give both, or none")
	}
	identity, err := api.OpenIdentity(files, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	return identity.Config(), nil
}

// sameService reports whether a URL names the very service of another, path
// included: what else answers on its address is not it.
func sameService(named, own string) bool {
	return strings.EqualFold(strings.TrimRight(named, "/"), strings.TrimRight(own, "/"))
}

// running is what the data directory says of its service.
func (f *serviceFlags) running() (s serviceInfo, err error) {
	path := filepath.Join(f.data, serviceFile)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, fmt.Errorf("no running service in %s (there is no %s): start one with `roamclear serve --data %s`, or name one with --url", f.data, path, f.data)
	}
	if err != nil {
		return s, fmt.Errorf("find running service: %w", err)
	}
	if err := json.Unmarshal(content, &s); err != nil || s.URL == "" {
		return s, fmt.Errorf("%s does not say where the service runs: restart it, or name it with --url", path)
	}
	return s, nil
}

// adminClient talks to the admin interface of a running service, or with an API key to
// that of finance.
type adminClient struct {
	url, token, data string
	base             string      // of all paths
	shared           string      // the token that a setting gave to the service of the data directory
	elsewhere        bool        // not the service of the data directory
	tls              *tls.Config // how it is known over https; nil = as the system has it
	http             *http.Client
}

// do sends in as JSON and reads the answer into out; both may be nil. Where there
// is nothing in the answer, out stays as it is.
func (c *adminClient) do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
		body = bytes.NewReader(b)
	}
	answer, header, err := c.ask(ctx, method, path, body, "")
	if err != nil || out == nil || header == nil {
		return err
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("the answer of %s is not roamclear's: %w", c.url, err)
	}
	return nil
}

// ask sends a request and returns the answer as it is, in the form that accept names
// where it is not "". header is nil where there is nothing in it.
func (c *adminClient) ask(ctx context.Context, method, path string, body io.Reader, accept string) (answer []byte, header http.Header, err error) {
	with := http.Header{}
	if accept != "" {
		with.Set("Accept", accept)
	}
	return c.send(ctx, method, path, body, with)
}

// send is ask with headers of the request's own.
func (c *adminClient) send(ctx context.Context, method, path string, body io.Reader, with http.Header) (answer []byte, header http.Header, err error) {
	req, err := http.NewRequestWithContext(ctx, method, c.url+c.base+path, body)
	if err != nil {
		return nil, nil, fmt.Errorf("service URL %q: %w", c.url, err)
	}
	req.Header = with
	req.Header.Set("Authorization", "Bearer "+c.token)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, nil, fmt.Errorf("the service at %s does not answer: %w (is it running? `roamclear serve --data %s` starts it)", c.url, err, c.data)
	}
	defer func() { _ = resp.Body.Close() }() // read to its end or given up
	answer, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("read answer of %s: %w", c.url, err)
	case len(answer) > maxAnswer:
		return nil, nil, fmt.Errorf("the answer of %s is longer than %d bytes: ask for less of it", c.url, maxAnswer)
	case resp.StatusCode >= 300:
		return nil, nil, c.failure(resp.StatusCode, answer)
	case resp.StatusCode == http.StatusNoContent:
		return nil, nil, nil
	}
	return answer, resp.Header, nil
}

// maxAnswer bounds an answer; a statement of 100,000 lines has 25 MB.
const maxAnswer = 256 << 20

// errNothingThere is in the error of an answer that there is no such thing, errPeriodClosed
// of one that there is no draft since a period is closed; they add no words.
var errNothingThere, errPeriodClosed = errors.New(""), errors.New("")

// failure turns an error answer into the error a person reads.
func (c *adminClient) failure(status int, answer []byte) error {
	var body struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if err := json.Unmarshal(answer, &body); err != nil || body.Error.Message == "" {
		return fmt.Errorf("the service at %s answers HTTP %d, but not as roamclear does: check the URL", c.url, status)
	}
	if status == http.StatusUnauthorized && c.base != "/admin/v1" {
		return fmt.Errorf("the service at %s refuses the API key in %s: %s", c.url, apiKeyVariable, body.Error.Message)
	}
	if status == http.StatusUnauthorized {
		return fmt.Errorf("the service at %s refuses the admin token: take the one in %s of its data directory", c.url, adminTokenFile)
	}
	if status == http.StatusNotFound {
		return fmt.Errorf("%w%s", errNothingThere, body.Error.Message)
	}
	if body.Error.Code == "period_closed" {
		return fmt.Errorf("%w%s", errPeriodClosed, body.Error.Message)
	}
	if status == http.StatusBadRequest || status == http.StatusUnprocessableEntity { // the service read the command's values more closely
		return &exitError{exitUsage, errors.New(body.Error.Message)}
	}
	return errors.New(body.Error.Message)
}

// printTable writes rows in columns; the first row is the heading.
func printTable(out io.Writer, rows [][]string) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		if _, err := io.WriteString(w, strings.Join(row, "\t")+"\n"); err != nil {
			return err
		}
	}
	return w.Flush()
}
