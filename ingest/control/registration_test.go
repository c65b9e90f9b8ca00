package control

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ingest/ingesttest"
	"github.com/roamclear/roamclear/ocpi"
)

// somePeer is the side of a CPO that speaks 2.2.1.
func somePeer() *Peer {
	return &Peer{
		Version: ocpi.V221, URL: "https://tnm.example/ocpi/versions", Token: "0badc0de:c2VhbGVk", Encoding: EncodingBase64,
		Endpoints: []ocpi.Endpoint{
			{Identifier: "cdrs", Role: ocpi.RoleSender, URL: "https://tnm.example/ocpi/2.2.1/cdrs"},
			{Identifier: "tokens", Role: ocpi.RoleReceiver, URL: "https://tnm.example/ocpi/2.2.1/tokens"},
		},
	}
}

func tnm() NewInvitation {
	return NewInvitation{Name: "NL*TNM", Roles: []Role{NewRole("cpo", "nl", "tnm")}, Version: ocpi.V211, Counterparty: ocpi.NewParty("DE", "EMP")}
}

func knows(h house, token string) bool {
	_, ok := h.partners.Authenticate("Token " + token)
	return ok
}

func TestRegistration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := ingesttest.NewLog(1)
		c := start(t, log, nil)
		ctx := t.Context()
		other, _, err := c.partners.Add(ctx, "", dundee())
		if err != nil {
			t.Fatal(err)
		}
		p, tokenA, err := c.partners.Invite(ctx, "", tnm())
		if err != nil || p.ID != "nl-tnm-cpo" || p.Stage() != StageInvited || !p.Invited() || p.Invitation.Version != ocpi.V211 || p.Counterparty != ocpi.NewParty("DE", "EMP") {
			t.Fatalf("invited %+v, %v", p, err)
		}
		if !knows(c, tokenA) {
			t.Error("the invitation's token is unknown")
		}
		if got, _ := c.partners.Presented("Token " + b64(tokenA+"\n")); got != tokenA {
			t.Errorf("presented %q", got)
		}

		// Invited again: the first invitation ends.
		first := tokenA
		if p, tokenA, err = c.partners.Invite(ctx, "", tnm()); err != nil || p.ID != "nl-tnm-cpo" || knows(c, first) || !knows(c, tokenA) {
			t.Fatalf("invited again: %+v, %v", p, err)
		}
		for name, refused := range map[string]func() error{
			"rotate": func() error { _, _, err := c.partners.Rotate(ctx, "", p.ID, 0, Rotation{}); return err },
			"update": func() error {
				_, _, err := c.partners.Update(ctx, "", p.ID, Registration{Peer: *somePeer()})
				return err
			},
			"unregister": func() error { return c.partners.Unregister(ctx, "", p.ID, 0) },
			"offer":      func() error { _, err := c.partners.Offer(ctx, "", p.ID, ""); return err },
			"invite somebody who has a token": func() error {
				_, _, err := c.partners.Invite(ctx, "", NewInvitation{Name: "x", Roles: dundee().Roles})
				return err
			},
			"invite with a role of another's": func() error {
				_, _, err := c.partners.Invite(ctx, "", NewInvitation{Name: "x", Roles: append(tnm().Roles, dundee().Roles...)})
				return err
			},
			"register with a token of another's": func() error {
				_, _, err := c.partners.Register(ctx, "", p.ID, Registration{Peer: *somePeer(), Token: "dundee-token"})
				return err
			},
		} {
			if err := refused(); err == nil {
				t.Errorf("invited: %s is done", name)
			} else {
				wantRefusal(t, err, RefusedConflict)
			}
		}

		offered := []Role{NewRole("CPO", "NL", "TNM"), NewRole("emsp", "nl", "tnm"), other.Roles[0], NewRole("PTP", "NL", "TNM"), NewRole("emsp", "nl", "tnm")}
		p, tokenC, err := c.partners.Register(ctx, "", p.ID, Registration{Peer: *somePeer(), Name: "The new motion", Roles: offered})
		if err != nil || p.Stage() != StageRegistered || p.Name != "The new motion" {
			t.Fatalf("registered %+v, %v", p, err)
		}
		if knows(c, tokenA) || !knows(c, tokenC) {
			t.Error("want the new token good, and the invitation's used up")
		}
		if diff := cmp.Diff(somePeer(), p.Peer); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]Role{NewRole("CPO", "NL", "TNM")}, p.Roles); diff != "" {
			t.Errorf("granted: %s", diff)
		}
		if diff := cmp.Diff([]Role{NewRole("EMSP", "NL", "TNM"), other.Roles[0]}, p.Pending); diff != "" {
			t.Errorf("pending: %s", diff)
		}
		if len(p.Mobility().Parties) > 0 || p.Charging().Owns(other.Roles[0].Party()) {
			t.Error("a role is granted that the invitation does not have")
		}
		if _, err := c.partners.AddRoles(ctx, "", p.ID, 0, other.Roles[0]); err == nil {
			t.Error("a role that another partner holds is granted")
		}
		if p, err = c.partners.AddRoles(ctx, "", p.ID, 0, NewRole("EMSP", "NL", "TNM")); err != nil || len(p.Pending) != 1 || len(p.Mobility().Parties) != 1 {
			t.Errorf("granted later: %+v, %v", p, err)
		}
		if _, _, err := c.partners.Register(ctx, "", p.ID, Registration{Peer: *somePeer()}); err == nil {
			t.Error("registered twice")
		}
		if _, _, err := c.partners.Invite(ctx, "", tnm()); err == nil {
			t.Error("who is registered is invited")
		}

		// An update: the token before is good until the new one is used.
		newer := *somePeer()
		newer.Version = ocpi.V230
		p, tokenD, err := c.partners.Update(ctx, "", p.ID, Registration{Peer: newer, Roles: offered})
		if err != nil || p.Peer.Version != ocpi.V230 || p.Name != "The new motion" || !knows(c, tokenC) {
			t.Fatalf("updated %+v, %v", p, err)
		}
		if !knows(c, tokenD) {
			t.Error("the new token is unknown")
		}
		synctest.Wait() // the confirmation is folded
		if knows(c, tokenC) {
			t.Error("the old token works after the new one was used")
		}

		late := start(t, log, nil)
		if diff := cmp.Diff(c.published(), late.published(), allState); diff != "" {
			t.Errorf("folded at once: %s", diff)
		}
		if err := c.partners.Unregister(ctx, "", p.ID, 0); err != nil {
			t.Fatal(err)
		}
		if p, _ = c.partners.Find(p.ID); p.Stage() != StageUnregistered || knows(c, tokenD) || len(p.Pending) > 0 || len(p.Roles) != 2 {
			t.Errorf("unregistered: %+v", p)
		}
		if _, _, err := c.partners.Rotate(ctx, "", p.ID, 0, Rotation{}); err == nil {
			t.Error("a partner without a token has one rotated")
		}
		if p, _, err = c.partners.Invite(ctx, "", tnm()); err != nil || p.ID != "nl-tnm-cpo" || len(p.Roles) != 2 {
			t.Errorf("invited after it unregistered: %+v, %v", p, err)
		}
	})
}

func TestAnInvitationExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, ingesttest.NewLog(1), nil)
		p, token, err := c.partners.Invite(t.Context(), "", tnm())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(InvitationLife)
		if !knows(c, token) {
			t.Error("unknown before its end")
		}
		time.Sleep(time.Second)
		if knows(c, token) {
			t.Error("known after its end")
		}
		_, _, err = c.partners.Register(t.Context(), "", p.ID, Registration{Peer: *somePeer()})
		wantRefusal(t, err, RefusedConflict)
	})
}

// Who was added by hand may register with the token it has.
func TestAPartnerAddedByHandRegisters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, ingesttest.NewLog(1), nil)
		p, _, err := c.partners.Add(t.Context(), "", dundee())
		if err != nil {
			t.Fatal(err)
		}
		p, token, err := c.partners.Register(t.Context(), "", p.ID, Registration{Peer: *somePeer(), Roles: p.Roles})
		if err != nil || p.Stage() != StageRegistered || p.Name != "Dundee City Council" || len(p.Pending) > 0 {
			t.Fatalf("registered %+v, %v", p, err)
		}
		if !knows(c, "dundee-token") || !knows(c, token) {
			t.Error("want both tokens good until the new one is used")
		}
		synctest.Wait()
		if knows(c, "dundee-token") {
			t.Error("the old token works after the new one was used")
		}
	})
}

// A token that we are about to send must work before the partner has answered,
// and must not end the one it may have to go on with.
func TestAnOfferedToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, ingesttest.NewLog(1), nil)
		ctx := t.Context()
		p, tokenB, err := c.partners.Invite(ctx, "", tnm())
		if err != nil {
			t.Fatal(err)
		}
		// As a client we register with the token that we sent.
		if p, _, err = c.partners.Register(ctx, "", p.ID, Registration{Peer: *somePeer(), Token: tokenB}); err != nil || !knows(c, tokenB) || p.Invited() || len(p.Tokens) != 1 {
			t.Fatalf("registered %+v, %v", p, err)
		}
		lost, err := c.partners.Offer(ctx, "", p.ID, "")
		if err != nil || !knows(c, lost) {
			t.Fatal("the offered token is unknown", err)
		}
		offered, err := c.partners.Offer(ctx, "", p.ID, "")
		if err != nil || !knows(c, offered) || knows(c, lost) {
			t.Fatal("want the second offer good alone", err)
		}
		synctest.Wait()
		if !knows(c, tokenB) {
			t.Error("the use of an offered token ended the one in use")
		}
		if p, _, err = c.partners.Update(ctx, "", p.ID, Registration{Peer: *somePeer(), Token: offered}); err != nil || !knows(c, tokenB) {
			t.Fatalf("taken: %+v, %v", p, err)
		}
		if !knows(c, offered) {
			t.Error("the token that was taken is unknown")
		}
		synctest.Wait()
		if p, _ = c.partners.Find(p.ID); knows(c, tokenB) || len(p.Tokens) != 1 {
			t.Errorf("the old token outlives the use of the new one: %+v", p.Tokens)
		}
		if lost, err = c.partners.Offer(ctx, "", p.ID, ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(RotationGrace + time.Second)
		if knows(c, lost) || !knows(c, offered) {
			t.Error("want an offer that was not taken ended, and nothing else")
		}
	})
}

func TestPolicies(t *testing.T) {
	c := start(t, ingesttest.NewLog(1), nil)
	ctx := t.Context()
	p, _, err := c.partners.Add(ctx, "", dundee())
	if err != nil {
		t.Fatal(err)
	}
	set := func(code, policy string) {
		t.Helper()
		if p, err = c.partners.SetPolicy(ctx, "", p.ID, 0, code, policy); err != nil {
			t.Fatal(err)
		}
	}
	set("wrong_type", PolicyRefuse)
	set("too_long", PolicyRefuse)
	set("too_long", PolicyRefuse)
	if diff := cmp.Diff([]string{"too_long", "wrong_type"}, p.Refuses); diff != "" || !cmp.Equal(p.Charging().Refuses, p.Refuses) || !cmp.Equal(p.Mobility().Refuses, p.Refuses) {
		t.Error(diff)
	}
	set("wrong_type", PolicyAccept)
	set("never_heard_of", PolicyAccept)
	if diff := cmp.Diff([]string{"too_long"}, p.Refuses); diff != "" {
		t.Error(diff)
	}
	_, err = c.partners.SetPolicy(ctx, "", p.ID, 0, "too_long", "ignore")
	wantRefusal(t, err, RefusedInvalid)
	_, err = c.partners.SetPolicy(ctx, "", "nobody", 0, "too_long", PolicyRefuse)
	wantRefusal(t, err, RefusedUnknown)
}
