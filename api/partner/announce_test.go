package partner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/control/controltest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
)

// Changes are told once they have come to rest, once a day at most, and only to
// those whom they concern.
func TestChangesAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := control.Open(t.Context(), ingesttest.NewLog(1), control.Options{})
		if err != nil {
			t.Fatal(err)
		}
		partners := control.NewPartners(m)
		controltest.Run(t, m)
		c := &Registrar{Partners: partners, Self: control.Self{Party: ocpi.NewParty("ZZ", "RCH"), Name: "roamclear"}, Logger: slog.New(slog.DiscardHandler)}
		add := func(role, id string, v ocpi.Version) {
			t.Helper()
			p, _, err := partners.Add(t.Context(), "", control.NewPartner{Name: id, Roles: []control.Role{control.NewRole(role, "NL", id)}})
			if err != nil {
				t.Fatal(err)
			}
			if v == 0 {
				return
			}
			peer := control.Peer{Version: v, URL: "https://x.example/versions", Token: "0badc0de:c2VhbGVk", Encoding: control.EncodingRaw, Endpoints: []ocpi.Endpoint{{Identifier: "credentials", URL: "https://x.example"}}}
			own := partners.Credentials(p, v, c.Self, "", "")
			if _, _, err := partners.Register(t.Context(), "", p.ID, control.Registration{Peer: peer, Told: control.Told(own)}); err != nil {
				t.Fatal(err)
			}
		}
		add("CPO", "NEW", ocpi.V230)
		add("CPO", "OLD", ocpi.V221)
		add("CPO", "ELS", ocpi.V230) // another process's

		start := time.Now()
		var mu sync.Mutex // guards what follows
		var told []string
		var failing error
		fail := func(err error) {
			mu.Lock()
			defer mu.Unlock()
			failing = err
		}
		tell := func(p *control.Partner) error {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, fmt.Sprintf("%s after %s", p.ID, time.Since(start).Round(time.Minute)))
			if failing != nil {
				return failing
			}
			own := partners.Credentials(p, p.Peer.Version, c.Self, "", "")
			_, _, err := partners.Update(t.Context(), "", p.ID, control.Registration{Peer: *p.Peer, Told: control.Told(own)})
			return err
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- c.announce(ctx, func(id string) bool { return id != "nl-els-cpo" }, tell) }()

		time.Sleep(time.Hour + time.Second)
		for _, id := range []string{"EM1", "EM2", "EM3"} { // one news, told once it rests
			add("EMSP", id, 0)
			time.Sleep(9 * time.Minute)
		}
		time.Sleep(2 * time.Minute)
		add("EMSP", "EM4", 0) // within a day: tomorrow
		time.Sleep(25 * time.Hour)
		add("CPO", "CP2", 0) // no news to a CPO
		time.Sleep(25 * time.Hour)
		fail(errors.New("away"))
		add("EMSP", "EM5", 0)
		time.Sleep(2 * time.Hour)
		fail(nil)
		time.Sleep(time.Hour)
		synctest.Wait()
		want := []string{
			"nl-new-cpo after 1h29m0s", "nl-new-cpo after 25h29m0s",
			"nl-new-cpo after 51h40m0s", "nl-new-cpo after 52h40m0s", "nl-new-cpo after 53h40m0s",
		}
		mu.Lock()
		if diff := cmp.Diff(want, told); diff != "" {
			t.Error(diff)
		}
		mu.Unlock()
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
