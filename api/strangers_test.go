package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// door is a service over which requests come from addresses at a time.
type door struct {
	t   *testing.T
	tls *TLS
	now time.Time
	log bytes.Buffer

	metrics *prometheus.Registry
}

func newDoor(t *testing.T) *door {
	t.Helper()
	d := &door{t: t, now: time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC), metrics: prometheus.NewRegistry()}
	var err error
	d.tls, err = OpenTLS(TLSOptions{Now: func() time.Time { return d.now }, Logger: slog.New(slog.NewTextHandler(&d.log, nil)), Registerer: d.metrics})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// from is a connection from an address.
type from struct {
	net.Conn
	address string
}

func (f from) RemoteAddr() net.Addr { return f }
func (from) Network() string        { return "tcp" }
func (f from) String() string       { return f.address }

func (d *door) lines() int { return strings.Count(d.log.String(), "\n") }

// came has a request come from an address, and reports whether that was too often.
func (d *door) came(addr string) bool {
	d.t.Helper()
	r := httptest.NewRequestWithContext(d.tls.connection(context.Background(), from{address: addr}), "GET", "/", nil)
	err := Stranger(r, "ocpi")
	often, ok := errors.AsType[*TooOftenError](err)
	if (err != nil) != ok || ok && (often.Seconds() < 1 || often.Seconds() > 3 || Classify(err) != KindTooOften) {
		d.t.Fatalf("%v", err)
	}
	return ok
}

// Who comes with credentials of nobody's is told so, and soon to come less often: address by
// address, whatever port it is from.
func TestStrangersAreLimitedByAddress(t *testing.T) {
	d := newDoor(t)
	for n := range 20 {
		if d.came(fmt.Sprintf("192.0.2.1:%d", 1000+n)) || d.came(fmt.Sprintf("[2001:db8::%x]:443", n)) {
			t.Fatalf("the %dth is too often", n)
		}
	}
	for addr, often := range map[string]bool{"192.0.2.1:1": true, "[::ffff:192.0.2.1]:1": true, "192.0.2.2:1": false, "[2001:db8::ffff]:1": true, "[2001:db8:0:1::1]:1": false, "odd": false} {
		if got := d.came(addr); got != often {
			t.Errorf("%s: too often %t, want %t", addr, got, often)
		}
	}
	d.now = d.now.Add(3 * time.Second)
	if d.came("192.0.2.1:1") || !d.came("192.0.2.1:1") {
		t.Error("after three seconds, once")
	}
	d.now = d.now.Add(time.Minute)
	for n := range 20 {
		if d.came("192.0.2.1:1") {
			t.Fatalf("after a minute, the %dth is too often", n)
		}
	}
	if !d.came("192.0.2.1:1") {
		t.Error("after a minute, the 21st")
	}
	counted, err := d.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range counted {
		if of := family.GetMetric(); family.GetName() == "roamclear_credentials_refused_total" && (len(of) != 2 || of[0].GetCounter().GetValue() != 64 || of[1].GetCounter().GetValue() != 5) {
			t.Errorf("counted: %v", of)
		}
	}
	if text := d.log.String(); d.lines() != 6 || !strings.Contains(text, `level=WARN msg="credentials that are nobody's" interface=ocpi remote=192.0.2.1:1000 requests=1`) || !strings.Contains(text, "requests=24") {
		t.Errorf("%d lines:\n%s", d.lines(), text)
	}
}

// Very many addresses are held in bounded memory, tell little, and do not make those that are
// known be forgotten.
func TestStrangersAreBounded(t *testing.T) {
	d := newDoor(t)
	for range 21 {
		d.came("192.0.2.1:1")
	}
	address := func(n int) string { return fmt.Sprintf("10.%d.%d.%d:1", n>>16, n>>8&255, n&255) }
	for n := range 3 * strangersHeld {
		d.came(address(n))
	}
	if n := len(d.tls.strangers.known); n != strangersHeld || d.lines() > 30 {
		t.Errorf("%d addresses are held, %d lines", n, d.lines())
	}
	if !d.came("192.0.2.1:1") || !d.came(address(3*strangersHeld)) || d.came(address(1)) {
		t.Error("a known one, one of those that share a place, and one that came once")
	}
	d.now = d.now.Add(2 * time.Minute)
	if d.came(address(3 * strangersHeld)); len(d.tls.strangers.known) != 1 {
		t.Errorf("%d are held after they came long ago", len(d.tls.strangers.known))
	}
}
