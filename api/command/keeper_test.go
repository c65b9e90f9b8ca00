package command_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roamclear/roamclear/api/command"
	"github.com/roamclear/roamclear/api/partner"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
)

// meanwhile has something happen once a command was read.
type meanwhile struct {
	command.Objects
	read     *atomic.Pointer[func(s *ingest.ObjectState)]
	sessions *atomic.Int64 // how often a Session was read
}

func (m meanwhile) Get(ctx context.Context, t ingest.Target) (ingest.ObjectState, bool, error) {
	s, ok, err := m.Objects.Get(ctx, t)
	if t.Object == ingest.ObjectSession {
		m.sessions.Add(1)
	}
	if read := m.read.Load(); read != nil && ok && t.Object == ingest.ObjectCommand {
		(*read)(&s)
	}
	return s, ok, err
}

// What changes of a command between its being read and its being put off is seen to at once.
func TestAChangeWhileItIsSeenTo(t *testing.T) {
	bubble(t, func(w *world) {
		e := w.starting(abc, objects.CommandLimits{StopAt: ocpi.TimeOf(time.Now().Add(time.Hour))})
		w.session(abc, "S9", map[string]any{"authorization_reference": e.Key.ID})
		var done atomic.Bool
		read := func(s *ingest.ObjectState) {
			c, err := objects.ReadCommand(s)
			if err != nil || c.TimedOut == nil || done.Swap(true) {
				return
			}
			// Another process notes that it is to end.
			at, err := w.log.Append(w.t.Context(), ingest.TopicCommands, &ingest.Envelope{Object: ingest.ObjectCommand, Method: ingest.MethodPost, Version: ocpi.V221, Key: e.Key,
				Path: objects.CommandStop, Received: ocpi.TimeOf(time.Now())}, []byte(`{"id":"`+command.NewID()+`","why":"asked"}`))
			if err == nil {
				err = w.office.follower.Wait(w.t.Context(), ingest.TopicCommands, at)
			}
			if err != nil {
				w.t.Error(err)
			}
			synctest.Wait()
		}
		w.office.read.Store(&read)
		time.Sleep(time.Minute)
		if c := w.now(e); !done.Load() || c.StopAsked == "" {
			t.Errorf("happened %t, stop asked %q", done.Load(), c.StopAsked)
		}
	})
}

// What a CPO answers while the process stops is noted, and nobody is called any more.
func TestAnAnswerWhileItStops(t *testing.T) {
	bubble(t, func(w *world) {
		answer := make(chan struct{})
		w.office.answers(func(ctx context.Context, r partner.Request) (*partner.Answer, error) {
			<-answer
			return says(`{"result":"ACCEPTED","timeout":30}`)(ctx, r)
		})
		e := w.starting(abc, objects.CommandLimits{})
		synctest.Wait()
		closed := make(chan struct{})
		go func() { defer close(closed); w.office.Close() }()
		synctest.Wait()
		w.starting(abc, objects.CommandLimits{})
		time.Sleep(5 * time.Second)
		close(answer)
		<-closed
		if c := w.now(e); c.Response == nil || len(w.office.calls()) != 1 {
			t.Errorf("response %+v, %d calls", c.Response, len(w.office.calls()))
		}
	})
}

// A partition that is given back before its last run has ended is seen to by one run after
// the other: what is due in it is in one agenda.
func TestTwoRunsOfAPartition(t *testing.T) {
	bubble(t, func(w *world) {
		w.office.answers(silent)
		for range 3 {
			w.starting(abc, objects.CommandLimits{})
		}
		p := w.log.Partitions(ingest.TopicCommands)[0]
		ctx, cancel := context.WithCancel(w.t.Context())
		var second sync.WaitGroup
		second.Go(func() { _ = w.office.Run(ctx, p) })
		defer second.Wait()
		defer cancel()
		e := w.starting(abc, objects.CommandLimits{})
		w.leave()
		w.leave = func() {}
		if c := w.now(e); c.TimedOut != nil {
			t.Fatalf("timed out at once: %+v", c.TimedOut)
		}
		time.Sleep(time.Minute)
		if c := w.now(e); c.TimedOut == nil {
			t.Error("nobody sees to it after the first run")
		}
	})
}
