package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"

	"github.com/roamclear/roamclear/ingest"
)

// dialTimeout bounds a connection until it can be used: TCP, TLS and SASL.
const dialTimeout = 3 * time.Second

// dial connects to a broker for kafka-go: TLS and the login are ours, so that files may
// be replaced, all of it is bounded, and where it fails it is known why and that nothing
// was sent. Errors are a *ConnectError.
func (o *Options) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := o.reach(ctx, network, address)
	if err == nil && o.sasl != nil {
		err = o.enter(ctx, conn, address)
	}
	if err != nil {
		return nil, &ConnectError{address, err}
	}
	return conn, nil
}

// reach makes a connection, over TLS where there is any.
func (o *Options) reach(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, &failed{ingest.ReasonOf(err), err}
	}
	if o.TLS == nil {
		return conn, nil
	}
	config := o.TLS().Clone()
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(address)
	}
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		if !ingest.TLSFailed(err) { // silence, or an end: neither is how TLS says no
			err = fmt.Errorf("TLS handshake: %w: it may speak no TLS there", err)
		}
		return nil, errors.Join(&failed{ingest.TrialTLS, err}, conn.Close())
	}
	return secured, nil
}

// enter logs in over a new connection, which it closes where that fails.
func (o *Options) enter(ctx context.Context, conn net.Conn, address string) error {
	c := &probedConn{Conn: protocol.NewConn(conn, clientID), address: address}
	deadline, _ := ctx.Deadline()
	err := conn.SetDeadline(deadline)
	if err == nil {
		_, err = c.agree(o.TLS != nil)
	}
	if err == nil {
		err = c.login(ctx, o.sasl)
	}
	if err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	return nil
}

// ConnectError says that a broker was not reached, so that it was sent nothing.
type ConnectError struct {
	Address string
	Err     error
}

// Error says where and why.
func (e *ConnectError) Error() string { return fmt.Sprintf("connect to %s: %v", e.Address, e.Err) }

// Unwrap returns the cause.
func (e *ConnectError) Unwrap() error { return e.Err }

// failed is what is wrong with a server, for programs and for people.
type failed struct {
	reason string
	err    error
}

func (f *failed) Error() string { return f.err.Error() }

func (f *failed) Unwrap() error { return f.err }

func fail(reason, format string, args ...any) error {
	return &failed{reason, fmt.Errorf(format, args...)}
}

// turnedAway reports whether a broker that answers does not take us, or we do not take
// it: by its certificate, by ours, by the login. Waiting does not cure that.
func turnedAway(err error) bool {
	f, ok := errors.AsType[*failed](err)
	return ok && f.reason == ingest.TrialLogin || ingest.TLSFailed(err)
}

// Mechanisms are the ways of SASL that a Login knows.
var Mechanisms = []string{"PLAIN", scram.SHA256.Name(), scram.SHA512.Name()}

// Login is how we show brokers who we are (SASL). The zero value does not.
type Login struct {
	Mechanism      string // one of Mechanisms
	User, Password string
}

// Check reports a login that cannot be used.
func (l Login) Check() error {
	_, err := l.mechanism()
	return err
}

// mechanism is nil for none.
func (l Login) mechanism() (m sasl.Mechanism, err error) {
	switch slices.Index(Mechanisms, l.Mechanism) {
	case 0:
		return plain.Mechanism{Username: l.User, Password: l.Password}, nil
	case 1:
		m, err = scram.Mechanism(scram.SHA256, l.User, l.Password)
	case 2:
		m, err = scram.Mechanism(scram.SHA512, l.User, l.Password)
	default:
		if l != (Login{}) {
			return nil, fmt.Errorf("SASL mechanism %s: want one of %s", l.Mechanism, strings.Join(Mechanisms, ", "))
		}
	}
	if err != nil { // its own text shows them
		return nil, fmt.Errorf("user or password have characters that %s does not allow (RFC 4013)", l.Mechanism)
	}
	return m, nil
}
