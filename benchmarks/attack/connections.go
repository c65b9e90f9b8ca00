package attack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/roamclear/roamclear/benchmarks/world"
	"golang.org/x/sync/errgroup"
)

const (
	pauseAfter503 = time.Second
	holdFor       = 5 * time.Second // what stands open before it is given up
)

// open opens n connections and writes a request to each; nothing is read. The
// caller closes them.
func (t *target) open(ctx context.Context, n int, request string) (all []net.Conn, err error) {
	d := net.Dialer{Timeout: 10 * time.Second}
	for range n {
		c, err := d.DialContext(ctx, "tcp", strings.TrimPrefix(t.service.URL, "http://"))
		if err != nil {
			return all, fmt.Errorf("open connection %d: %w", len(all), err)
		}
		all = append(all, c)
		if err := c.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
			return all, fmt.Errorf("make the receive buffer small: %w", err)
		}
		if _, err := c.Write([]byte(request)); err != nil {
			return all, fmt.Errorf("write to connection %d: %w", len(all), err)
		}
	}
	return all, nil
}

func closeAll(all []net.Conn) error {
	var errs []error
	for _, c := range all {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// hold keeps connections open for a while.
func hold(ctx context.Context, all []net.Conn, err error) error {
	if err == nil {
		pause(ctx, holdFor)
	}
	return errors.Join(err, closeAll(all))
}

func (t *target) head(p *world.Partner, method, path string, length int) string {
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: roamclear\r\nAuthorization: Token %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", method, path, t.tokens[p.Name], length)
}

// idleReaders asks for the longest list there is on many connections and
// reads none.
func idleReaders(ctx context.Context, t *target) error {
	n := t.size(40, 300)
	if err := t.pushAll(ctx, n, "large", largeCDR); err != nil {
		return err
	}
	if err := t.allVisible(ctx, n); err != nil {
		return err
	}
	all, err := t.open(ctx, 60, t.head(&payer, http.MethodGet, "/ocpi/2.2.1/sender/cdrs?limit=500", 0))
	return hold(ctx, all, err)
}

// stalledUploads begins more uploads of the largest size than the service works
// on at once and finishes none; of some the better part comes.
func stalledUploads(ctx context.Context, t *target) error {
	head := t.head(&attacker, http.MethodPost, cdrsPath, 1<<20) + `{"id":"`
	all, err := t.open(ctx, 60, head+filler(600<<10))
	if err == nil {
		var more []net.Conn
		more, err = t.open(ctx, 2100, head)
		all = append(all, more...)
	}
	return hold(ctx, all, err)
}

// oversized pushes bodies that are larger than may be, on many connections.
func oversized(ctx context.Context, t *target) error {
	body := bytes.Repeat([]byte(" "), 8<<20)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(64)
	for range t.size(300, 3000) {
		g.Go(func() error {
			status, answer, err := t.send(ctx, &attacker, http.MethodPost, cdrsPath, body)
			switch {
			case err != nil:
				return err
			case status != http.StatusRequestEntityTooLarge && status != http.StatusServiceUnavailable:
				return fmt.Errorf("push of %d bytes: HTTP %d %.300s", len(body), status, answer)
			}
			return nil
		})
	}
	return g.Wait()
}

// connections pushes whole CDRs on 2,100 connections at once.
func connections(ctx context.Context, t *target) error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2100}, Timeout: time.Minute}
	pushers := *t
	pushers.client = client
	within, cancel := context.WithTimeout(ctx, time.Duration(t.size(5, 30))*time.Second)
	defer cancel()
	var all sync.WaitGroup
	for i := range 2100 {
		all.Go(func() {
			for n := 0; within.Err() == nil; n++ {
				status, _, err := pushers.send(within, &attacker, http.MethodPost, cdrsPath, smallCDR(&attacker, fmt.Sprintf("c-%d-%d", i, n)))
				if err != nil || status == http.StatusServiceUnavailable {
					pause(within, pauseAfter503)
				}
			}
		})
	}
	all.Wait()
	client.CloseIdleConnections()
	return nil
}
