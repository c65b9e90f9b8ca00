package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"

	segmentio "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/apiversions"
	"github.com/segmentio/kafka-go/protocol/metadata"
	"github.com/segmentio/kafka-go/protocol/saslauthenticate"
	"github.com/segmentio/kafka-go/protocol/saslhandshake"
	"github.com/segmentio/kafka-go/sasl"

	"github.com/roamclear/roamclear/ingest"
)

// A probedConn is a connection of Probe: made step by step, where kafka-go has one error
// for all of them, and to one broker, where it asks whichever it likes.
type probedConn struct {
	*protocol.Conn
	address string
	tls     string // its version, "" without
}

// spoken are the requests that must be understood in the very version that we send, or
// in any that both know, and since when brokers do.
var spoken = []struct {
	key       protocol.ApiKey
	low, high int16
	since     string
}{
	{protocol.Fetch, fetchVersion, fetchVersion, "2.3"},
	{protocol.Produce, 3, 8, "0.11"},
	{protocol.Metadata, 8, 8, "2.3"},
	{protocol.InitProducerId, 0, 4, "0.11"},
	{protocol.OffsetCommit, 2, 7, "0.11"},
	{protocol.IncrementalAlterConfigs, 0, 1, "2.3"},
}

// connect makes a connection on which all can be asked. Errors are a *failed.
func (o *Options) connect(ctx context.Context, address string) (*probedConn, error) {
	asked, _ := ctx.Deadline()
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := o.reach(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	c := &probedConn{Conn: protocol.NewConn(conn, clientID), address: address}
	if secured, ok := conn.(*tls.Conn); ok {
		c.tls = tls.VersionName(secured.ConnectionState().Version)
	}
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, &failed{ingest.TrialOther, errors.Join(err, conn.Close())}
	}
	ranges, err := c.agree(o.TLS != nil)
	if err == nil {
		err = understood(address, ranges)
	}
	if err == nil && o.sasl != nil {
		err = c.login(ctx, o.sasl)
	}
	if err == nil {
		err = conn.SetDeadline(asked)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return c, nil
}

// agree finds out which versions of requests the broker understands.
func (c *probedConn) agree(overTLS bool) (map[protocol.ApiKey]apiversions.ApiKeyResponse, error) {
	m, err := c.RoundTrip(&apiversions.Request{})
	switch {
	case err != nil && !overTLS:
		return nil, fail(orTLS(err), "%s does not answer as a broker does (%w): it may speak TLS there (kafka.tls.enabled)", c.address, err)
	case err != nil: // with TLS 1.3 the broker says only now what it thinks of our certificate
		return nil, fail(ingest.ReasonOf(err), "%s: %w", c.address, err)
	}
	versions, ranges := map[protocol.ApiKey]int16{}, map[protocol.ApiKey]apiversions.ApiKeyResponse{}
	for _, r := range m.(*apiversions.Response).ApiKeys {
		key := protocol.ApiKey(r.ApiKey)
		versions[key], ranges[key] = key.SelectVersion(r.MinVersion, r.MaxVersion), r
	}
	c.SetVersions(versions)
	return ranges, nil
}

// understood reports requests of ours that a broker does not understand.
func understood(address string, ranges map[protocol.ApiKey]apiversions.ApiKeyResponse) error {
	var missing []string
	for _, want := range spoken {
		if r, ok := ranges[want.key]; !ok || r.MaxVersion < want.low || r.MinVersion > want.high {
			missing = append(missing, fmt.Sprintf("%s %d (Kafka %s and later)", want.key, want.low, want.since))
		}
	}
	if len(missing) > 0 {
		return fail(ingest.TrialVersion, "%s does not understand %s: Kafka 2.3 or later is needed", address, strings.Join(missing, ", "))
	}
	return nil
}

// orTLS is the reason why plain requests are not answered: that connections end at once
// is how brokers answer those that should be TLS.
func orTLS(err error) string {
	if reason := ingest.ReasonOf(err); reason != ingest.TrialOther {
		return reason
	}
	return ingest.TrialTLS
}

func (c *probedConn) login(ctx context.Context, m sasl.Mechanism) error {
	answer, err := c.RoundTrip(&saslhandshake.Request{Mechanism: m.Name()})
	if err != nil {
		return fail(ingest.TrialLogin, "%s: log in: %w", c.address, err)
	}
	if r := answer.(*saslhandshake.Response); r.ErrorCode != 0 {
		return fail(ingest.TrialLogin, "%s does not take kafka.sasl.mechanism %s, but %s: %w", c.address, m.Name(), strings.Join(r.Mechanisms, ", "), segmentio.Error(r.ErrorCode))
	}
	host, text, _ := net.SplitHostPort(c.address)
	port, _ := strconv.Atoi(text)
	session, state, err := m.Start(sasl.WithMetadata(ctx, &sasl.Metadata{Host: host, Port: port}))
	for done := false; err == nil && !done; {
		var answer protocol.Message
		if answer, err = c.RoundTrip(&saslauthenticate.Request{AuthBytes: state}); err != nil {
			break
		}
		r := answer.(*saslauthenticate.Response)
		if r.ErrorCode != 0 {
			return fail(ingest.TrialLogin, "%s refuses the login: %s", c.address, r.ErrorMessage)
		}
		done, state, err = session.Next(ctx, r.AuthBytes)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) { // some say no in this way
		return fail(ingest.TrialLogin, "%s refuses the login: it ended the connection", c.address)
	}
	if err != nil {
		return fail(ingest.TrialLogin, "%s: log in: %w", c.address, err)
	}
	return nil
}

// describe asks for brokers and topics, and for what we may do with them.
func (c *probedConn) describe(o *Options) (*metadata.Response, error) {
	req := &metadata.Request{IncludeTopicAuthorizedOperations: true}
	for _, t := range ingest.Topics() {
		req.TopicNames = append(req.TopicNames, o.name(string(t.Topic)))
	}
	m, err := c.RoundTrip(req)
	switch {
	case err != nil && o.sasl == nil:
		return nil, fail(ingest.TrialLogin, "%s ends the connection (%w): it may want a login (kafka.sasl.mechanism)", c.address, err)
	case err != nil:
		return nil, fail(ingest.ReasonOf(err), "%s: ask for its topics: %w", c.address, err)
	}
	return m.(*metadata.Response), nil
}

// tried is how a connection was made, for people.
func (c *probedConn) tried(o *Options) string {
	how := []string{"connected"}
	if c.tls != "" {
		how = append(how, c.tls)
	}
	if o.sasl != nil {
		how = append(how, "logged in by "+o.sasl.Name())
	}
	return strings.Join(how, ", ")
}

// within is ctx with a deadline, which every step of a probe has.
func within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, 2*requestTimeout)
}

func addressOf(b *metadata.ResponseBroker) string {
	return net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))
}

// advertised are the addresses by which brokers name themselves, but for those that were
// given.
func advertised(m *metadata.Response, given []string) (addresses []string) {
	for _, b := range m.Brokers {
		if a := addressOf(&b); !slices.Contains(given, a) {
			addresses = append(addresses, a)
		}
	}
	return addresses
}
