package messages

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// shelf keeps messages in memory.
type shelf struct {
	Store
	kept []Message
	fail error
}

func (s *shelf) WriteMessages(_ context.Context, list []Message) error {
	if s.fail == nil {
		s.kept = append(s.kept, list...)
	}
	return s.fail
}

func (*shelf) ForgetMessages(context.Context, time.Time) error { return nil }

func newLog(s Store, bytes int64) *Log {
	return New(Options{Store: s, Digest: func(uid string) string { return "digest of " + uid }, Retention: time.Hour, Bytes: bytes,
		Logger: slog.New(slog.DiscardHandler), Metrics: NewMetrics(nil), Now: func() time.Time { return time.Unix(1000, 0) }})
}

// Where there is no room a message is counted, of its partner alone, and the count is kept
// with what is kept next; while the store is away nothing is lost but that.
func TestWhatThereIsNoRoomForIsCounted(t *testing.T) {
	s := &shelf{fail: errors.New("away")}
	l := newLog(s, 8*(rowBytes+100))
	body := make([]byte, 100)
	offer := func(partner string, n int) {
		for range n {
			l.Offer(&Message{Partner: partner, Request: body, TokenUID: "04a1"})
		}
	}
	offer("one", 5) // a quarter is two
	offer("other", 1)
	if err := l.Flush(t.Context()); !errors.Is(err, s.fail) {
		t.Fatal(err)
	}
	offer("one", 1)
	for _, p := range []string{"a", "b", "c"} {
		offer(p, 2) // the last one is beyond all of it
	}
	s.fail = nil
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept, dropped := map[string]int{}, map[string]int{}
	ids := map[MessageID]bool{}
	for _, m := range s.kept {
		ids[m.MessageID()] = true
		dropped[m.Partner] += int(m.NotKept)
		if m.NotKept == 0 {
			kept[m.Partner]++
			if m.Token != "digest of 04A1" || m.TokenUID != "" {
				t.Errorf("kept as %+v", m)
			}
		}
	}
	if kept["one"] != 2 || kept["other"] != 1 || kept["a"]+kept["b"]+kept["c"] != 5 || dropped["one"] != 4 || dropped["other"] != 0 || dropped["c"] != 1 || len(ids) != len(s.kept) {
		t.Errorf("kept %v, not kept %v, %d ids of %d", kept, dropped, len(ids), len(s.kept))
	}
	offer("one", 2)
	if err := l.Flush(t.Context()); err != nil || len(s.kept) != 8+2+2 {
		t.Errorf("%d are kept after there was room again, %v", len(s.kept), err)
	}
	var none *Log
	none.Offer(&Message{})
}

// What is offered is copied and bounded, and what is left when the process stops is kept.
func TestWhatIsOfferedIsCopied(t *testing.T) {
	s := &shelf{}
	l := newLog(s, 1<<20)
	body := []byte("first")
	l.Offer(&Message{Partner: "p", Response: body})
	copy(body, "other")
	l.Offer(&Message{Partner: "p", Request: make([]byte, MaxBody+1), Path: strings.Repeat("p", 2000), RequestID: strings.Repeat("r", 1000), Reason: strings.Repeat("ä", 300)})
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := l.Run(ctx); err != nil || len(s.kept) != 2 {
		t.Fatalf("%d kept, %v", len(s.kept), err)
	}
	if m := s.kept[0]; string(m.Response) != "first" {
		t.Errorf("kept %q", m.Response)
	}
	if m := s.kept[1]; len(m.Request) != MaxBody || len(m.Path) != maxPath || len(m.RequestID) != maxID || len(m.Reason) > maxReason {
		t.Errorf("kept %d, %d, %d, %d bytes", len(m.Request), len(m.Path), len(m.RequestID), len(m.Reason))
	}
}

// Many offer at once while batches are kept: each is kept once, as it was, or counted.
func TestManyOfferAtOnce(t *testing.T) {
	s := &shelf{}
	l := newLog(s, 64*(rowBytes+10))
	const each, many = 500, 8
	var group, flushing sync.WaitGroup
	stop := make(chan struct{})
	flushing.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if err := l.Flush(t.Context()); err != nil {
					t.Error(err)
				}
			}
		}
	})
	for g := range many {
		group.Go(func() {
			body := make([]byte, 10)
			for i := range each {
				copy(body, fmt.Sprintf("%d-%d", g, i))
				l.Offer(&Message{Partner: fmt.Sprint("p", g), ID: strings.TrimRight(string(body), "\x00"), Request: body})
			}
		})
	}
	group.Wait()
	close(stop)
	flushing.Wait()
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept, dropped := 0, 0
	for _, m := range s.kept {
		if dropped += int(m.NotKept); m.NotKept > 0 {
			continue
		}
		if kept++; strings.TrimRight(string(m.Request), "\x00") != m.ID {
			t.Fatalf("%s has the body %q", m.ID, m.Request)
		}
	}
	if kept+dropped != each*many || len(l.of) != 0 || l.bytes != 0 {
		t.Errorf("%d kept, %d dropped of %d; %d bytes are still held for %d partners", kept, dropped, each*many, l.bytes, len(l.of))
	}
}

func TestMessageIDs(t *testing.T) {
	id := MessageID{ocpi.Time(1), 1 << 63}
	if back, ok := ParseMessageID(id.String()); !ok || back != id || len(id.String()) != 32 {
		t.Errorf("%s, %v", id, back)
	}
	for _, wrong := range []string{"", "x", strings.Repeat("0", 31), strings.Repeat("g", 32), strings.Repeat("0", 34)} {
		if _, ok := ParseMessageID(wrong); ok {
			t.Errorf("%q is taken for an id", wrong)
		}
	}
}

func TestMasks(t *testing.T) {
	for body, want := range map[string]string{
		``: ``, `{"token":"secret","url":"u"}`: `{"token":"***","url":"u"}`,
		`{"data":{"TOKEN":"secret","roles":[{"token":1.50}]},"n":1.50}`: `{"data":{"TOKEN":"***","roles":[{"token":"***"}]},"n":1.50}`,
		`{"tok\u0065n":"secret"}`: `{"token":"***"}`, `{"token":"sec`: `"it is no JSON"`,
	} {
		if got := string(Credentials([]byte(body))); got != want {
			t.Errorf("%s is %s, want %s", body, got, want)
		}
	}
	for _, c := range []struct{ body, secret, want string }{
		{`{"a":"secret1"}`, "secret1", `{"a":"***"}`}, {`{"a":"c2VjcmV0MQ=="}`, "secret1", `{"a":"***"}`}, {`{"a":"secret1"}`, "c2VjcmV0MQ==", `{"a":"***"}`},
		{`{"a":"other"}`, "secret1", `{"a":"other"}`}, {`{"a":1}`, "a", `{"a":1}`}, {`{"a":1}`, "", `{"a":1}`},
	} {
		if got := string(Mask([]byte(c.body), c.secret)); got != c.want {
			t.Errorf("%s without %s is %s, want %s", c.body, c.secret, got, c.want)
		}
	}
	for _, c := range []struct {
		path, module string
		own          bool
		want         string
	}{
		{"/ocpi/2.2.1/receiver/tokens/NL/EXW/04A1?type=RFID", "tokens", true, "/ocpi/2.2.1/receiver/tokens/NL/EXW/***?type=RFID"},
		{"/ocpi/cpo/2.1.1/tokens/04A1/authorize", "tokens", false, "/ocpi/cpo/2.1.1/tokens/***/authorize"},
		{"https://e.example/tokens/04A1/authorize?type=RFID", "tokens", false, "https://e.example/tokens/***/authorize?type=RFID"},
		{"/ocpi/2.2.1/sender/tokens?offset=5", "tokens", true, "/ocpi/2.2.1/sender/tokens?offset=5"},
		{"/ocpi/2.2.1/sender/commands/START_SESSION/NL/TNM/01J/signature", "commands", true, "/ocpi/2.2.1/sender/commands/START_SESSION/NL/TNM/01J/***"},
		{"/ocpi/2.2.1/receiver/commands/START_SESSION", "commands", true, "/ocpi/2.2.1/receiver/commands/START_SESSION"},
		{"/ocpi/2.2.1/receiver/sessions/NL/TNM/S1", "sessions", true, "/ocpi/2.2.1/receiver/sessions/NL/TNM/S1"},
	} {
		if got := Path(c.path, c.module, c.own); got != c.want {
			t.Errorf("%s is %s, want %s", c.path, got, c.want)
		}
	}
	if got := KeysOf([]byte(`{"country_code":"nl","party_id":"TNM","id":7,"session_id":"S1","token":{"uid":"04A1"}}`)); got != (Keys{ocpi.NewParty("NL", "TNM"), "", "S1", "04A1"}) {
		t.Errorf("%+v", got)
	}
}
