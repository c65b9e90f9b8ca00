// Package load pushes CDRs over HTTP as fast as it can while using little
// processor itself, so that what it measures is the server: bodies are
// rendered before the clock starts, each request is one write on a kept-alive
// connection, and answers are read by hand. No pipelining: a connection sends
// its next CDR after the answer to the last.
package load

import (
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roamclear/roamclear/benchmarks/world"
	"github.com/roamclear/roamclear/ocpi"
)

// Options say where to push and how hard.
type Options struct {
	Addr        string                // host:port
	Path        string                // of the receiving endpoint, such as "/ocpi/2.2.1/receiver/cdrs"
	Tokens      map[ocpi.Party]string // Authorization header per CPO; a party without one sends none
	Bodies      []Body                // pushed in turn
	Run         string                // begins every CDR's id: two runs never push the same identity
	Connections int                   // open at once
	Count       int                   // CDRs to push
	During      time.Duration         // when not 0: stop then, although Count has not been reached
	Pause       time.Duration         // of a connection after each answer
}

// Body is a CDR cut open around what names it.
type Body struct {
	Sender ocpi.Party
	parts  [][]byte // the n-th id of the run goes between each two
}

// idLength is the length of the ids that replace those of the world: all
// bodies keep their size.
const idLength = 20

// Bodies renders up to n distinct CDRs of real charges; source is a gzipped
// CSV, nil the embedded extract.
func Bodies(source io.Reader, seed uint64, n int) ([]Body, error) {
	var all []Body
	for item, err := range world.Items(world.Options{Seed: seed, Source: source, Rows: n, Only: []world.Module{world.CDRs}, Clean: true}) {
		if err != nil {
			return nil, err
		}
		if !item.Class.Priced() {
			continue // the dirt of the source is no load
		}
		b, err := cut(item)
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return all, nil
}

// Result is what came of a run.
type Result struct {
	Acknowledged int            // OCPI 1000
	Status       map[string]int // every other answer, by HTTP and OCPI status
	Elapsed      time.Duration
	Latency      Histogram // of acknowledged CDRs
	Bytes        int64     // of acknowledged bodies
}

// Rate is acknowledged CDRs per second, rounded down.
func (r *Result) Rate() int64 {
	return int64(r.Acknowledged) * int64(time.Second) / max(int64(r.Elapsed), 1)
}

// Run pushes o.Count CDRs and returns when all are answered. An error means
// that the server could not be reached or broke the protocol; CDRs that were
// answered with an error are in the result.
func Run(ctx context.Context, o Options) (*Result, error) {
	if len(o.Run) > MaxRun {
		return nil, fmt.Errorf("run %q: want at most %d characters", o.Run, MaxRun)
	}
	conns := make([]*connection, o.Connections)
	defer func() {
		for _, c := range conns {
			if c != nil {
				c.net.Close() //nolint:errcheck // nothing is under way
			}
		}
	}()
	for n := range conns {
		c, err := dial(ctx, o.Addr)
		if err != nil {
			return nil, fmt.Errorf("connect to %s: %w", o.Addr, err)
		}
		conns[n] = c
	}
	stop := context.AfterFunc(ctx, func() {
		for _, c := range conns {
			c.end()
		}
	})
	defer stop()

	heads := o.heads()
	var next atomic.Int64
	var group sync.WaitGroup
	errs := make([]error, len(conns))
	started := time.Now()
	if o.During == 0 {
		o.During = time.Duration(math.MaxInt64)
	}
	for n, c := range conns {
		group.Go(func() { errs[n] = c.run(ctx, &o, heads, &next, started) })
	}
	group.Wait()
	result := &Result{Elapsed: time.Since(started), Status: map[string]int{}}
	for n, c := range conns {
		if errs[n] != nil {
			return nil, fmt.Errorf("push to %s: %w", o.Addr, errs[n])
		}
		result.Acknowledged += c.acknowledged
		result.Bytes += c.bytes
		result.Latency.Merge(&c.latency)
		for s, k := range c.status {
			result.Status[s] += k
		}
	}
	return result, nil
}

// heads are the request heads per body, up to the length.
func (o *Options) heads() [][]byte {
	byParty := map[ocpi.Party][]byte{}
	heads := make([][]byte, len(o.Bodies))
	for n := range o.Bodies {
		party := o.Bodies[n].Sender
		if byParty[party] == nil {
			h := "POST " + o.Path + " HTTP/1.1\r\nHost: " + o.Addr + "\r\nContent-Type: application/json\r\n"
			if token := o.Tokens[party]; token != "" {
				h += "Authorization: Token " + token + "\r\n"
			}
			byParty[party] = []byte(h + "Content-Length: ")
		}
		heads[n] = byParty[party]
	}
	return heads
}

// run pushes CDRs over one connection until the count is reached or the time
// is over. Where the server ends the connection with an answer, as it may when it
// refuses a body that it has not read, it goes on with another.
func (c *connection) run(ctx context.Context, o *Options, heads [][]byte, next *atomic.Int64, started time.Time) error {
	for {
		n := next.Add(1) - 1
		if n >= int64(o.Count) || time.Since(started) >= o.During {
			return nil
		}
		b := &o.Bodies[int(n)%len(o.Bodies)]
		size := b.size()
		c.out = append(c.out[:0], heads[int(n)%len(o.Bodies)]...)
		c.out = strconv.AppendInt(c.out, int64(size), 10)
		c.out = append(c.out, "\r\n\r\n"...)
		c.out = b.appendTo(c.out, o.Run, n)
		sent := time.Now()
		if _, err := c.net.Write(c.out); err != nil {
			return err
		}
		http, code, err := c.answer()
		if err != nil {
			return err
		}
		if http/100 == 2 && code == 1000 {
			c.acknowledged++
			c.bytes += int64(size)
			c.latency.Add(time.Since(sent))
		} else {
			c.status[fmt.Sprintf("HTTP %d, OCPI %d", http, code)]++
		}
		if c.closes {
			if err := c.redial(ctx, o.Addr); err != nil {
				return err
			}
		}
		if o.Pause > 0 {
			time.Sleep(o.Pause)
		}
	}
}

// dial opens a connection without delay on small writes (Go's default).
func dial(ctx context.Context, addr string) (*connection, error) {
	c := &connection{in: make([]byte, 0, 4096), status: map[string]int{}}
	return c, c.redial(ctx, addr)
}

// redial opens the connection anew.
func (c *connection) redial(ctx context.Context, addr string) error {
	var d net.Dialer
	n, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.net != nil {
		_ = c.net.Close() // the server has closed it
	}
	c.net = n
	if c.ended {
		return n.SetDeadline(time.Unix(1, 0))
	}
	return nil
}

// end makes what the connection waits for end at once.
func (c *connection) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	c.net.SetDeadline(time.Unix(1, 0)) //nolint:errcheck // only makes the run end earlier
}
