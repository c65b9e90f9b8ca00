package clickhouse

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
)

// Silence that long is an outage, however long a statement takes: the server
// reports progress all the while, and takes what it is sent. Without a bound a
// statement to a server that hangs, or whose network is gone, waits for as long
// as TCP does: a quarter of an hour.
const (
	readTimeout  = time.Minute
	writeTimeout = time.Minute
)

// dialer returns how the driver connects; config nil is plain TCP, else it is asked
// with each connection. A server that is silent for longer than silence is lost.
func dialer(config func() *tls.Config, silence time.Duration) func(ctx context.Context, addr string) (net.Conn, error) {
	return func(ctx context.Context, addr string) (net.Conn, error) {
		var d net.Dialer
		var conn net.Conn
		var err error
		if config == nil {
			conn, err = d.DialContext(ctx, "tcp", addr)
		} else {
			conn, err = (&tls.Dialer{NetDialer: &d, Config: config()}).DialContext(ctx, "tcp", addr)
		}
		if err == nil {
			return &patientConn{Conn: conn, silence: silence}, nil
		}
		// The driver bounds it by dialTimeout, with a cause of its own: else it was given
		// up by whose statement it is.
		if why := context.Cause(ctx); why != nil && !errors.Is(why, ch.ErrAcquireConnTimeout) {
			return nil, ctx.Err()
		}
		return nil, &connectError{addr, err}
	}
}

// connectError says that a server was not reached, so that it was sent nothing: it is
// away, whatever the reason, and no statement is at fault.
type connectError struct {
	addr string
	err  error
}

func (e *connectError) Error() string { return fmt.Sprintf("connect to %s: %v", e.addr, e.err) }

func (e *connectError) Unwrap() error { return e.err }

// patientConn bounds each read and each write of a connection, not all reads of
// a statement together, as the driver does: it sets the deadline of its reads
// once a statement, which would end every stream that takes longer.
type patientConn struct {
	net.Conn
	silence time.Duration
	limit   atomic.Pointer[time.Time] // of the statement as a whole: its context's
}

// SetReadDeadline does nothing: each read has its own.
func (c *patientConn) SetReadDeadline(time.Time) error { return nil }

// SetDeadline bounds the statement as a whole, until it is called with zero.
func (c *patientConn) SetDeadline(t time.Time) error {
	c.limit.Store(&t)
	return c.Conn.SetDeadline(t)
}

func (c *patientConn) Read(b []byte) (int, error) {
	if err := c.Conn.SetReadDeadline(c.within(c.silence)); err != nil {
		return 0, fmt.Errorf("bound a read: %w", err)
	}
	return c.Conn.Read(b)
}

func (c *patientConn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(c.within(writeTimeout)); err != nil {
		return 0, fmt.Errorf("bound a write: %w", err)
	}
	return c.Conn.Write(b)
}

// within is the deadline of one call.
func (c *patientConn) within(d time.Duration) time.Time {
	deadline := time.Now().Add(d)
	if limit := c.limit.Load(); limit != nil && !limit.IsZero() && limit.Before(deadline) {
		return *limit
	}
	return deadline
}
