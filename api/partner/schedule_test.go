package partner

import (
	"context"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// oneOf are partners of which there is one.
type oneOf struct{ *control.Partner }

func (o oneOf) Find(string) (*control.Partner, bool) { return o.Partner, true }
func (o oneOf) Hub(p *control.Partner, ours ocpi.Party) (ocpi.Party, bool) {
	return new(control.Partners).Hub(p, ours)
}
func (o oneOf) All() []*control.Partner { return []*control.Partner{o.Partner} }

// A day of looking every five seconds, in no time.
func TestListsAreReadByThemselves(t *testing.T) {
	s := newDesk(t, pages(map[string]string{"/tariffs": ok(), "/cdrs": ok()}))
	p := testPuller(t, newIntake())
	began := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	now := began
	p.Now = func() time.Time { return now }
	partner := registered(t, ocpi.V221, s.URL, "tariffs", "cdrs")
	p.Partners = oneOf{partner}
	type asked struct {
		at   time.Duration
		line string
	}
	var all []asked
	for ; now.Sub(began) < 30*time.Hour; now = now.Add(5 * time.Minute) {
		if w, due := p.take(partner); due {
			before := len(s.were())
			p.run(t.Context(), partner, w)
			for _, line := range s.were()[before:] {
				all = append(all, asked{now.Sub(began), line})
			}
		}
	}
	var tariffs, cdrs []asked
	for _, a := range all {
		if strings.Contains(a.line, "/tariffs") {
			tariffs = append(tariffs, a)
		} else {
			cdrs = append(cdrs, a)
		}
	}
	if len(tariffs) != 2 || tariffs[0].at != 0 || tariffs[1].at < 19*time.Hour || tariffs[1].at > 29*time.Hour {
		t.Errorf("tariffs were read at %v", tariffs)
	}
	if len(cdrs) < 7 || len(cdrs) > 10 || cdrs[0].at != 0 {
		t.Errorf("CDRs were read at %v", cdrs)
	}
	if !strings.Contains(cdrs[0].line, "date_from=2026-08-31T00%3A00%3A00Z") {
		t.Errorf("the first window is %s, want 90 days", cdrs[0].line)
	}
	since := began.Add(cdrs[0].at - Overlap).Format("2006-01-02")
	if !strings.Contains(cdrs[1].line, "date_from="+since) {
		t.Errorf("the second window is %s, want 48 hours before the first pull", cdrs[1].line)
	}
}

// What was not read to its end is read again soon, from where it was.
func TestWhatFailedIsReadAgainSoon(t *testing.T) {
	s := newDesk(t, pages(nil))
	p := testPuller(t, newIntake())
	now := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	p.Now = func() time.Time { return now }
	partner := registered(t, ocpi.V221, s.URL, "cdrs")
	p.Partners = oneOf{partner}
	w, _ := p.take(partner)
	p.run(t.Context(), partner, w)
	now = now.Add(time.Hour)
	w, due := p.take(partner)
	if !due {
		t.Fatal("not due after an hour")
	}
	if from := w.from(&module{id: "cdrs", windowed: true}); from != now.Add(-FirstWindow) {
		t.Errorf("from %v", from)
	}
}

// Watch reads what is its own, once, and ends with its context.
func TestWatchReadsItsOwn(t *testing.T) {
	s := newDesk(t, pages(map[string]string{"/tariffs": ok(), "/cdrs": ok()}))
	p := testPuller(t, newIntake())
	p.Partners = oneOf{registered(t, ocpi.V221, s.URL, "tariffs", "cdrs")}
	ctx, cancel := context.WithCancel(t.Context())
	looks := 0
	p.Wait = func(ctx context.Context, _ time.Duration) bool {
		if looks++; looks > 3 && len(s.were()) >= 2 || looks > 1_000_000 {
			cancel()
		}
		return ctx.Err() == nil
	}
	if err := p.Watch(ctx, func(string) bool { return true }); err == nil {
		t.Error("it ended by itself")
	}
	if asked := s.were(); len(asked) != 2 {
		t.Errorf("asked %q", asked)
	}
	p.Wait = func(context.Context, time.Duration) bool {
		looks--
		return looks > 0
	}
	looks = 3
	if err := p.Watch(t.Context(), func(string) bool { return false }); err != nil || len(s.were()) != 2 {
		t.Errorf("another's partner was read: %v, %q", err, s.were())
	}
}

// A pull that is asked for joins one of everything that is under way, and waits for
// one that is not; what it reads need not be read by itself.
func TestAPullThatIsAskedFor(t *testing.T) {
	let, asked := make(chan struct{}), make(chan struct{}, 100)
	s := newDesk(t, func(w http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		<-let
		_, _ = w.Write([]byte(ok()))
	})
	p := testPuller(t, newIntake())
	now := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	p.Now = func() time.Time { return now }
	partner := registered(t, ocpi.V221, s.URL, "tariffs", "cdrs")
	p.Partners = oneOf{partner}
	finish := func() Job {
		for {
			select {
			case let <- struct{}{}:
			default:
			}
			if j, known := p.Job(partner.ID); !known || j.Done {
				return j
			}
		}
	}
	w, due := p.take(partner)
	if _, again := p.take(partner); !due || again {
		t.Fatalf("due %v, and once more %v", due, again)
	}
	go p.run(t.Context(), partner, w)
	<-asked
	if err := p.Start(t.Context(), partner); err != nil {
		t.Fatal(err)
	}
	if j := finish(); len(j.Modules) != 2 || len(s.were()) != 2 {
		t.Errorf("it did not join: %+v, asked %q", j, s.were())
	}
	if err := p.Start(t.Context(), partner); err != nil {
		t.Fatal(err)
	}
	if j := finish(); len(j.Modules) != 2 || len(s.were()) != 4 {
		t.Errorf("it was not read anew: %+v, asked %q", j, s.were())
	}
	now = now.Add(6 * time.Hour)
	if w, due = p.take(partner); !due || w.whole {
		t.Fatalf("after six hours due are %+v", w)
	}
	for len(asked) > 0 {
		<-asked
	}
	go p.run(t.Context(), partner, w)
	<-asked
	if err := p.Start(t.Context(), partner); err != nil {
		t.Fatal(err)
	}
	if j := finish(); len(j.Modules) != 2 || len(s.were()) != 7 {
		t.Errorf("it did not wait for the other: %+v, asked %q", j, s.were())
	}
	if _, due := p.take(partner); due {
		t.Error("what was asked for is due again")
	}
	other := testPartner(t, control.NewRole("CPO", "NL", "TNX"))
	if err := p.Start(t.Context(), other); err == nil {
		t.Error("a partner that has not registered is read")
	}
}

// What a partner registers while its lists are read counts for the rest of them, and
// for who joins that pull: with a new token it goes on, with another version or
// another role it begins again.
func TestAPartnerThatChangesWhileItIsPulled(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*control.Partner)
		want   string // what is asked for
	}{
		"nothing":      {func(*control.Partner) {}, "locations cdrs"},
		"token":        {func(p *control.Partner) { p.Peer.Token, p.Peer.Encoding = "another-token", control.EncodingRaw }, "locations another/cdrs"},
		"version":      {func(p *control.Partner) { p.Peer.Version = ocpi.V230 }, "locations locations cdrs"},
		"endpoint":     {func(p *control.Partner) { p.Peer.Endpoints[1].URL += "/new" }, "locations locations cdrs/new"},
		"role":         {func(p *control.Partner) { p.Roles = append(p.Roles, control.NewRole("CPO", "BE", "TNM")) }, "locations locations cdrs"},
		"unregistered": {func(p *control.Partner) { p.Peer = nil }, "locations"},
	} {
		t.Run(name, func(t *testing.T) {
			let, asked := make(chan struct{}), make(chan string, 100)
			var all []string
			s := newDesk(t, func(w http.ResponseWriter, r *http.Request) {
				line := strings.TrimPrefix(r.URL.Path, "/")
				if strings.HasSuffix(r.Header.Get("Authorization"), "another-token") {
					line = "another/" + line
				}
				asked <- line
				<-let
				_, _ = w.Write([]byte(ok()))
			})
			p := testPuller(t, newIntake())
			was := registered(t, ocpi.V221, s.URL, "locations", "cdrs")
			now := *was
			peer := *was.Peer
			peer.Endpoints = slices.Clone(peer.Endpoints)
			now.Peer = &peer
			c.change(&now)
			partners := &changing{}
			partners.Store(was)
			p.Partners = partners
			if err := p.Start(t.Context(), was); err != nil {
				t.Fatal(err)
			}
			all = append(all, <-asked)
			partners.Store(&now)
			if now.Peer != nil {
				if err := p.Start(t.Context(), &now); err != nil {
					t.Fatal(err)
				}
			}
			close(let)
			for j, _ := p.Job(was.ID); !j.Done; j, _ = p.Job(was.ID) {
				runtime.Gosched()
			}
			for len(asked) > 0 {
				all = append(all, <-asked)
			}
			if got := strings.Join(all, " "); got != c.want {
				t.Errorf("asked for %s, want %s", got, c.want)
			}
			if j, _ := p.Job(was.ID); (j.Error == "") != (now.Peer != nil) {
				t.Errorf("it ended with %+v", j)
			}
			if now.Peer == nil {
				return
			}
			if _, due := p.take(&now); due {
				t.Error("what was read is due again")
			}
		})
	}
}

// changing are partners of which there is one, which changes.
type changing struct {
	atomic.Pointer[control.Partner]
}

func (c *changing) Find(string) (*control.Partner, bool) { return c.Load(), true }
func (c *changing) All() []*control.Partner              { return []*control.Partner{c.Load()} }
func (c *changing) Hub(p *control.Partner, ours ocpi.Party) (ocpi.Party, bool) {
	return new(control.Partners).Hub(p, ours)
}
