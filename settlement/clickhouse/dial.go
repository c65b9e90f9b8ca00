package clickhouse

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"
)

// writeTimeout is how long a server may take nothing of what it is sent.
// Without it a batch for a server that hangs, or whose network is gone, waits
// for as long as TCP does: a quarter of an hour.
const writeTimeout = time.Minute

// dialer returns how the driver connects; config nil is plain TCP.
func dialer(config *tls.Config) func(ctx context.Context, addr string) (net.Conn, error) {
	return func(ctx context.Context, addr string) (net.Conn, error) {
		d := &net.Dialer{Timeout: dialTimeout}
		var conn net.Conn
		var err error
		if config == nil {
			conn, err = d.DialContext(ctx, "tcp", addr)
		} else {
			conn, err = (&tls.Dialer{NetDialer: d, Config: config}).DialContext(ctx, "tcp", addr)
		}
		if err != nil {
			return nil, err
		}
		return patientConn{conn}, nil
	}
}

// patientConn is a connection whose writes end after writeTimeout: the driver
// bounds its reads only.
type patientConn struct{ net.Conn }

func (c patientConn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, fmt.Errorf("bound a write: %w", err)
	}
	return c.Conn.Write(b)
}
