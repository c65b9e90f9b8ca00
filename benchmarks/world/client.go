package world

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// client is one partner's connection.
type client struct {
	http      *http.Client
	token     string // as in the header
	endpoints map[Module]string
	requests  atomic.Uint64
}

// answer is a final answer: HTTP status, OCPI status, and where the object is.
type answer struct {
	http     int
	code     int
	message  string
	location string
}

// errAgain says that the service asked to come back.
var errAgain = errors.New("overloaded")

// discover walks from the versions to the receiving endpoints of OCPI 2.2.1
// (mod_versions).
func discover(ctx context.Context, h *http.Client, base, token string, patience time.Duration) (*client, error) {
	c := &client{http: h, token: base64.StdEncoding.EncodeToString([]byte(token)), endpoints: map[Module]string{}}
	var versions []struct{ Version, URL string }
	if err := c.get(ctx, strings.TrimRight(base, "/")+"/ocpi/versions", &versions, patience); err != nil {
		return nil, err
	}
	for _, v := range versions {
		if v.Version != "2.2.1" {
			continue
		}
		var details struct {
			Endpoints []struct{ Identifier, Role, URL string }
		}
		if err := c.get(ctx, v.URL, &details, patience); err != nil {
			return nil, err
		}
		for _, e := range details.Endpoints {
			if e.Role == "RECEIVER" {
				c.endpoints[Module(e.Identifier)] = strings.TrimRight(e.URL, "/")
			}
		}
	}
	for _, m := range []Module{Locations, Tariffs, Tokens, Sessions, CDRs} {
		if c.endpoints[m] == "" {
			return nil, fmt.Errorf("no receiving endpoint for %s in OCPI 2.2.1", m)
		}
	}
	return c, nil
}

// get reads the data of a GET.
func (c *client) get(ctx context.Context, url string, data any, patience time.Duration) error {
	var body []byte
	status := 0
	_, err := again(ctx, patience, func() (time.Duration, error) {
		response, err := c.do(ctx, http.MethodGet, url, nil)
		if err != nil {
			return 0, err
		}
		defer response.Body.Close() //nolint:errcheck // only read
		if wait, busy := comeBack(response); busy {
			return wait, errAgain
		}
		status = response.StatusCode
		body, err = io.ReadAll(io.LimitReader(response.Body, 1<<20))
		return 0, err
	})
	if err != nil {
		return fmt.Errorf("get %s: %w", url, err)
	}
	var envelope struct {
		Data    json.RawMessage `json:"data"`
		Code    int             `json:"status_code"`
		Message string          `json:"status_message"`
	}
	if err := json.Unmarshal(body, &envelope); err != nil || envelope.Code != 1000 {
		return fmt.Errorf("get %s: HTTP %d, OCPI %d %s", url, status, envelope.Code, envelope.Message)
	}
	if err := json.Unmarshal(envelope.Data, data); err != nil {
		return fmt.Errorf("read data of %s: %w", url, err)
	}
	return nil
}

// push sends an item until it is answered for good, or patience ends.
func (c *client) push(ctx context.Context, i Item, patience time.Duration) (a answer, retries int, err error) {
	url := c.endpoints[i.Module]
	if i.Path != "" {
		url += "/" + i.Path
	}
	retries, err = again(ctx, patience, func() (time.Duration, error) {
		response, err := c.do(ctx, i.Method, url, i.Body)
		if err != nil {
			return 0, err
		}
		defer response.Body.Close() //nolint:errcheck // only read
		if wait, busy := comeBack(response); busy {
			return wait, errAgain
		}
		body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
		if err != nil {
			return 0, err
		}
		var envelope struct {
			Code    int    `json:"status_code"`
			Message string `json:"status_message"`
		}
		if err := json.Unmarshal(body, &envelope); err != nil {
			envelope.Message = "not an OCPI answer: " + string(body[:min(len(body), 100)])
		}
		a = answer{response.StatusCode, envelope.Code, envelope.Message, response.Header.Get("Location")}
		return 0, nil
	})
	return a, retries, err
}

func (c *client) do(ctx context.Context, method, url string, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	id := strconv.FormatUint(c.requests.Add(1), 10)
	request.Header.Set("Authorization", "Token "+c.token)
	request.Header.Set("X-Request-ID", "world-"+id)
	request.Header.Set("X-Correlation-ID", "world-"+id)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return c.http.Do(request)
}

// comeBack reports whether the service is overloaded, and when to come back.
func comeBack(r *http.Response) (time.Duration, bool) {
	if r.StatusCode != http.StatusServiceUnavailable && r.StatusCode != http.StatusTooManyRequests {
		return 0, false
	}
	seconds, err := strconv.Atoi(r.Header.Get("Retry-After"))
	if err != nil || seconds < 0 || seconds > 60 {
		seconds = 1
	}
	return time.Duration(seconds) * time.Second, true
}

// again calls attempt until it succeeds, ctx ends, or patience is used up.
// Every error but ctx's is worth another attempt: the outcome is unknown and
// a retry is harmless. Without an answer's advice it waits 50 ms, doubled up
// to a second.
func again(ctx context.Context, patience time.Duration, attempt func() (wait time.Duration, err error)) (retries int, err error) {
	deadline := time.Now().Add(patience)
	pause := 50 * time.Millisecond
	for ; ; retries++ {
		wait, err := attempt()
		if err == nil {
			return retries, nil
		}
		if ctx.Err() != nil {
			return retries, ctx.Err()
		}
		if wait == 0 {
			wait = pause
			pause = min(2*pause, time.Second)
		}
		if time.Now().Add(wait).After(deadline) {
			return retries, fmt.Errorf("gave up after %s: %w", patience, err)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return retries, ctx.Err()
		case <-timer.C:
		}
	}
}
