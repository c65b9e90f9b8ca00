package clickhouse

import (
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/settlement"
)

// patient returns a connection as the driver gets it, and the server's end.
func patient(t *testing.T) (ours net.Conn, theirs net.Conn) {
	t.Helper()
	pipe, theirs := net.Pipe()
	t.Cleanup(func() { theirs.Close() })
	return &patientConn{Conn: pipe, silence: readTimeout}, theirs
}

// A server that hangs takes nothing and breaks nothing: the write must end.
func TestWritesToAServerThatHangsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, _ := patient(t)
		began := time.Now()
		_, err := ours.Write([]byte("a block"))
		if !lost(err) || time.Since(began) != writeTimeout {
			t.Errorf("write ended with %v after %v, want a lost connection after %v", err, time.Since(began), writeTimeout)
		}
	})
}

// Nor does it say anything: a read must end, after the silence and no earlier.
func TestReadsFromAServerThatIsSilentEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, _ := patient(t)
		began := time.Now()
		_, err := ours.Read(make([]byte, 1))
		if !lost(err) || time.Since(began) != readTimeout {
			t.Errorf("read ended with %v after %v, want a lost connection after %v", err, time.Since(began), readTimeout)
		}
	})
}

// What a statement's context allows ends it even while the server talks.
func TestAContextEndsAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := patient(t)
		quiet := make(chan struct{})
		defer close(quiet)
		go talk(theirs, readTimeout/2, quiet)
		began, limit := time.Now(), 3*readTimeout
		if err := ours.SetDeadline(began.Add(limit)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, ours); !lost(err) || time.Since(began) != limit {
			t.Errorf("stream ended with %v after %v, want a lost connection after %v", err, time.Since(began), limit)
		}
		if err := ours.SetDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		if _, err := ours.Read(make([]byte, 1)); err != nil {
			t.Errorf("the next statement's read: %v", err)
		}
	})
}

// talk writes a byte each time so much of the bubble's time has passed, until
// it is to be quiet.
func talk(conn net.Conn, each time.Duration, quiet chan struct{}) {
	for {
		select {
		case <-quiet:
			return
		case <-time.After(each):
			if _, err := conn.Write([]byte{1}); err != nil {
				return
			}
		}
	}
}

// A statement may take longer than a server may be silent: the driver sets the
// deadline of its reads once a statement, which ended verify and reprice of
// large stores after a minute.
func TestAStreamMayTakeLongerThanASilence(t *testing.T) {
	o := engine.Options()
	o.silence = time.Second
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rows := 0
	err = s.each(t.Context(), "stream", "SELECT sleepEachRow(0.1) FROM numbers(25) SETTINGS max_block_size = 1", nil,
		func(driver.Rows) error { rows++; return nil })
	if err != nil || rows != 25 {
		t.Errorf("a stream of 2.5 s with a silence of at most 1 s: %d of 25 rows, %v", rows, err)
	}
}

// A server that falls silent in the middle of a stream is an outage.
func TestAServerThatFallsSilentIsLost(t *testing.T) {
	through := newMiddle(t, engine.Addr())
	o := engine.Options()
	o.Addr, o.silence = []string{through.listener.Addr().String()}, time.Second
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rows := 0
	err = s.each(t.Context(), "stream", "SELECT sleepEachRow(0.1) FROM numbers(25) SETTINGS max_block_size = 1", nil,
		func(driver.Rows) error {
			if rows++; rows == 2 {
				close(through.silent)
			}
			return nil
		})
	if !errors.Is(err, settlement.ErrUnavailable) || rows >= 25 {
		t.Errorf("%d rows of a server that fell silent: %v, want it lost", rows, err)
	}
}

// middle stands between client and server. Once it is silent, the client hears
// nothing any more.
type middle struct {
	listener net.Listener
	silent   chan struct{}
}

func newMiddle(t *testing.T, server string) *middle {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	m := &middle{listener, make(chan struct{})}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			conn, err := net.Dial("tcp", server)
			if err != nil {
				client.Close()
				return
			}
			go func() { io.Copy(conn, client); conn.Close() }()
			go io.Copy(m.hears(client), conn)
		}
	}()
	return m
}

// hears is what the client's end of a connection lets through.
func (m *middle) hears(client net.Conn) io.Writer { return muted{m, client} }

type muted struct {
	*middle
	net.Conn
}

func (c muted) Write(b []byte) (int, error) {
	select {
	case <-c.silent:
		return len(b), nil
	default:
		return c.Conn.Write(b)
	}
}
