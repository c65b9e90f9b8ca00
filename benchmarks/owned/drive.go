package owned

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/roamclear/roamclear/benchmarks/load"
)

// request is one request of a partner.
type request struct {
	method, path string
	token        string
	body         []byte
}

// measured is what came of many requests.
type measured struct {
	done    int
	failed  map[string]int
	elapsed time.Duration
	latency load.Histogram
}

func (m *measured) rate() int64 { return int64(m.done) * int64(time.Second) / max(int64(m.elapsed), 1) }

func (m *measured) String() string {
	s := fmt.Sprintf("%d/s | %s | %s", m.rate(), m.latency.PerMille(500).Round(10*time.Microsecond), m.latency.PerMille(990).Round(10*time.Microsecond))
	if len(m.failed) > 0 {
		s += fmt.Sprintf(" (%v)", m.failed)
	}
	return s
}

// driver sends requests over kept connections.
type client struct {
	url    string
	client *http.Client
}

func newDriver(url string, connections int) *client {
	return &client{url: url, client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: connections, DisableCompression: true}}}
}

func (d *client) close() { d.client.CloseIdleConnections() }

// closed sends requests over so many connections for a while, each as soon as
// the one before is answered. next makes the n-th.
func (d *client) closed(ctx context.Context, connections int, during time.Duration, next func(n int) request) *measured {
	return d.drive(ctx, connections, during, func(_ context.Context, n int) (request, bool) { return next(n), true })
}

// open sends rate requests a second for a while, whether or not those before are
// answered, as long as there is a connection.
func (d *client) open(ctx context.Context, connections, rate int, during time.Duration, next func(n int) request) *measured {
	ticks := make(chan int, rate)
	go func() {
		defer close(ticks)
		began := time.Now()
		for n := 0; ; n++ {
			wait := time.Until(began.Add(time.Duration(n) * time.Second / time.Duration(rate)))
			if time.Since(began) > during || ctx.Err() != nil {
				return
			}
			time.Sleep(wait)
			ticks <- n
		}
	}()
	return d.drive(ctx, connections, time.Hour, func(context.Context, int) (request, bool) {
		n, ok := <-ticks
		if !ok {
			return request{}, false
		}
		return next(n), true
	})
}

func (d *client) drive(ctx context.Context, connections int, during time.Duration, next func(ctx context.Context, n int) (request, bool)) *measured {
	within, cancel := context.WithTimeout(ctx, during)
	defer cancel()
	all := &measured{failed: map[string]int{}}
	var mu sync.Mutex // guards all and counter
	counter := 0
	began := time.Now()
	var group sync.WaitGroup
	for range connections {
		group.Go(func() {
			own := &measured{failed: map[string]int{}}
			for within.Err() == nil {
				mu.Lock()
				n := counter
				counter++
				mu.Unlock()
				r, ok := next(within, n)
				if !ok {
					break
				}
				sent := time.Now()
				if answer := d.send(ctx, r); answer != "" {
					own.failed[answer]++
					continue
				}
				own.done++
				own.latency.Add(time.Since(sent))
			}
			mu.Lock()
			defer mu.Unlock()
			all.done += own.done
			all.latency.Merge(&own.latency)
			for s, n := range own.failed {
				all.failed[s] += n
			}
		})
	}
	group.Wait()
	all.elapsed = time.Since(began)
	return all
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
