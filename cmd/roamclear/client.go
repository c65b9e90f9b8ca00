package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// Files in the data directory by which commands find the running service, and
// the environment that takes their place.
const (
	serviceFile    = "service.json" // {"url": "http://127.0.0.1:8080"}
	adminTokenFile = "admin-token"
	urlVariable    = "ROAMCLEAR_URL"
	tokenVariable  = "ROAMCLEAR_ADMIN_TOKEN"
)

// serviceFlags say which running service a command talks to.
type serviceFlags struct {
	data string
	url  string
}

func (f *serviceFlags) register(cmd *cobra.Command) {
	cmd.PersistentFlags().StringVar(&f.data, "data", "data", "data directory of the running service")
	cmd.PersistentFlags().StringVar(&f.url, "url", "", "URL of a service that runs elsewhere (or "+urlVariable+"); its admin token is taken from "+tokenVariable)
}

// client finds the service and the admin token.
func (f *serviceFlags) client() (*adminClient, error) {
	c := &adminClient{url: f.url, token: os.Getenv(tokenVariable), data: f.data, http: &http.Client{Timeout: 30 * time.Second}}
	if c.url == "" {
		c.url = os.Getenv(urlVariable)
	}
	elsewhere := c.url != ""
	if !elsewhere {
		var err error
		if c.url, err = f.runningURL(); err != nil {
			return nil, err
		}
	}
	c.url = strings.TrimRight(c.url, "/")
	if c.token != "" {
		return c, nil
	}
	token, err := os.ReadFile(filepath.Join(f.data, adminTokenFile))
	switch {
	case err == nil:
		c.token = strings.TrimSpace(string(token))
		return c, nil
	case elsewhere && errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("no admin token for %s: set %s to what is in %s of the service's data directory", c.url, tokenVariable, adminTokenFile)
	}
	return nil, fmt.Errorf("read admin token: %w (run this as the user the service runs as, or set %s)", err, tokenVariable)
}

func (f *serviceFlags) runningURL() (string, error) {
	path := filepath.Join(f.data, serviceFile)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("no running service in %s (there is no %s): start one with `roamclear serve --data %s`, or name one with --url", f.data, path, f.data)
	}
	if err != nil {
		return "", fmt.Errorf("find running service: %w", err)
	}
	var service struct {
		URL string `json:"url"`
	}
	if err := json.Unmarshal(content, &service); err != nil || service.URL == "" {
		return "", fmt.Errorf("%s does not say where the service runs: restart it, or name it with --url", path)
	}
	return service.URL, nil
}

// adminClient talks to the admin interface of a running service.
type adminClient struct {
	url, token, data string
	http             *http.Client
}

// do sends in as JSON and reads the answer into out; both may be nil.
func (c *adminClient) do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.url+"/admin/v1"+path, body)
	if err != nil {
		return fmt.Errorf("service URL %q: %w", c.url, err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("the service at %s does not answer: %w (is it running? `roamclear serve --data %s` starts it)", c.url, err, c.data)
	}
	defer func() { _ = resp.Body.Close() }() // read to its end or given up
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return fmt.Errorf("read answer of %s: %w", c.url, err)
	}
	if resp.StatusCode >= 300 {
		return c.failure(resp.StatusCode, answer)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("the answer of %s is not roamclear's: %w", c.url, err)
	}
	return nil
}

// failure turns an error answer into the error a person reads.
func (c *adminClient) failure(status int, answer []byte) error {
	var body struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if err := json.Unmarshal(answer, &body); err != nil || body.Error.Message == "" {
		return fmt.Errorf("the service at %s answers HTTP %d, but not as roamclear does: check the URL", c.url, status)
	}
	if status == http.StatusUnauthorized {
		return fmt.Errorf("the service at %s refuses the admin token: take the one in %s of its data directory", c.url, adminTokenFile)
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
