package hub

import (
	"log/slog"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/api/partner"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/control/controltest"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
)

// house is a whole installation, so far as registration goes.
type house struct {
	self      control.Self
	url       string
	partners  *control.Partners
	registrar *partner.Registrar
}

func newHouse(t *testing.T, party string) *house {
	t.Helper()
	m, err := control.Open(t.Context(), ingesttest.NewLog(1), control.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{partners: control.NewPartners(m), self: control.Self{Name: "house " + party}}
	h.self.Party, _ = ocpi.ParseParty(party)
	controltest.Run(t, m)
	sealer, err := control.NewSealer(control.NewSealKey())
	if err != nil {
		t.Fatal(err)
	}
	dialer := partner.NewDialer(partner.Policy{AllowPrivate: true})
	t.Cleanup(dialer.Close)
	server := httptest.NewServer(serve(t, &backend{}, func(d *Deps) {
		d.Partners, d.Callback, d.Sealer, d.Party, d.Name = h.partners, dialer, sealer, h.self.Party, h.self.Name
	}))
	t.Cleanup(server.Close)
	h.url = server.URL + Prefix + "/versions"
	h.registrar = &partner.Registrar{Dialer: dialer, Partners: h.partners, Sealer: sealer, Self: h.self, Versions: h.url, Logger: slog.New(slog.DiscardHandler)}
	return h
}

// calls reports whether a house can call a partner, with what it has registered.
func (h *house) calls(t *testing.T, id string) bool {
	t.Helper()
	p, ok := h.partners.Find(id)
	if !ok || p.Peer == nil {
		return false
	}
	token, err := h.registrar.Sealer.Open(p.Peer.Token)
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.registrar.Dialer.Discover(t.Context(), p.Peer.URL, token, p.Peer.Encoding, p.Peer.Version)
	return err == nil
}

// Two installations register with each other in each version, exchange tokens from
// either side, and part.
func TestTwoHousesRegisterWithEachOther(t *testing.T) {
	for _, v := range versions {
		t.Run(v.String(), func(t *testing.T) {
			server, client := newHouse(t, "NL/ONE"), newHouse(t, "DE/TWO")
			// To the server the client is a CPO, to the client the server an eMSP.
			_, tokenA, err := server.partners.Invite(t.Context(), "", control.NewInvitation{Name: "DE*TWO", Roles: []control.Role{control.NewRole("CPO", "DE", "TWO")}})
			if err != nil {
				t.Fatal(err)
			}
			connected, err := client.registrar.Connect(t.Context(), partner.Invited{URL: server.url, Token: tokenA, Version: v, Roles: []control.Role{control.NewRole("EMSP", "NL", "ONE")}})
			if err != nil {
				t.Fatal(err)
			}
			at, there := "de-two-cpo", connected.Partner.ID
			both := func(when string, want bool) {
				t.Helper()
				if server.calls(t, at) != want || client.calls(t, there) != want {
					t.Errorf("%s: server calls %t, client calls %t, want %t", when, server.calls(t, at), client.calls(t, there), want)
				}
			}
			both("registered", true)
			if p, _ := server.partners.Find(at); p.Peer.Version != v || p.Name != "house DE/TWO" || !cmp.Equal(p.Roles, []control.Role{control.NewRole("CPO", "DE", "TWO")}) {
				t.Errorf("the server has %+v", p)
			}
			for _, side := range []struct {
				of    *house
				about string
			}{{client, there}, {server, at}} {
				p, _ := side.of.partners.Find(side.about)
				if _, err := side.of.registrar.Rotate(t.Context(), p, "", true); err != nil {
					t.Fatal(err)
				}
				both("tokens exchanged by "+side.about, true)
			}
			p, _ := client.partners.Find(there)
			if err := client.registrar.Unregister(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			if p, _ := server.partners.Find(at); p.Stage() != control.StageUnregistered || client.calls(t, there) {
				t.Errorf("unregistered: %+v", p)
			}
		})
	}
}
