package owned

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/roamclear/roamclear/benchmarks/drive"
)

// request is one request of a partner.
type request struct {
	method, path string
	token        string
	body         []byte
}

// client sends requests over kept connections.
type client struct {
	url    string
	client *http.Client
}

func newDriver(url string, connections int) *client {
	return &client{url: url, client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: connections, DisableCompression: true}}}
}

func (d *client) close() { d.client.CloseIdleConnections() }

// closed is drive.Closed with the requests that next makes.
func (d *client) closed(ctx context.Context, connections int, during time.Duration, next func(n int) request) *drive.Measured {
	return drive.Closed(ctx, connections, during, func(ctx context.Context, n int) string { return d.send(ctx, next(n)) })
}

// send returns "" for success, else what was answered.
func (d *client) send(ctx context.Context, r request) string {
	hr, err := http.NewRequestWithContext(ctx, r.method, d.url+r.path, bytes.NewReader(r.body))
	if err != nil {
		return err.Error()
	}
	hr.Header.Set("Authorization", "Token "+base64.StdEncoding.EncodeToString([]byte(r.token)))
	hr.Header.Set("Content-Type", "application/json")
	resp, err := d.client.Do(hr)
	if err != nil {
		return "no answer"
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 || !strings.Contains(string(answer), `"status_code":1000`) {
		return fmt.Sprintf("HTTP %d", resp.StatusCode)
	}
	return ""
}
