package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/roamclear/roamclear/api/admin"
	"github.com/roamclear/roamclear/benchmarks/peer"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// What the demo's own CPO is: its plugs give so much that what a charge costs is seen to
// grow.
var (
	stationParty = ocpi.NewParty("NL", "DEM")
	stationSince = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

const (
	stationPower = 350_000 // W
	stationEvery = time.Second
)

// demoStations is a CPO at whose stations charges can be started, as long as it is served.
type demoStations struct {
	peer   *peer.Peer
	server *http.Server
	served chan error
}

// openStations serves the demo's CPO beside the service, and registers the two. The one of
// an earlier start, which knows the tokens of then, is removed before.
func (d *demo) openStations(ctx context.Context) (*demoStations, error) {
	p, err := peer.New(peer.Options{
		Role: peer.CPO, Party: stationParty, Version: ocpi.V221, Now: stationSince, NoHistory: true,
		Power: stationPower, Series: strconv.FormatInt(time.Now().Unix(), 36) + "-", TLS: d.client.tls,
	})
	if err != nil {
		return nil, err
	}
	for _, command := range []ocpi.CommandType{ocpi.StartSession, ocpi.StopSession} {
		p.Do(string(command), peer.Plan{Charge: true})
	}
	l, err := listen("127.0.0.1:0", "listen")
	if err != nil {
		return nil, err
	}
	p.SetURL("http://" + l.Addr().String())
	s := &demoStations{peer: p, server: &http.Server{Handler: p, ReadHeaderTimeout: readTimeout}, served: make(chan error, 1)}
	go func() { s.served <- s.server.Serve(l) }()
	if err := d.connectStations(ctx, p); err != nil {
		return nil, errors.Join(err, s.server.Close())
	}
	d.stations = true
	return s, nil
}

// connectStations registers the service with the demo's CPO and reads its stations.
func (d *demo) connectStations(ctx context.Context, p *peer.Peer) error {
	role := control.NewRole(control.RoleCPO, stationParty.Country, stationParty.ID)
	known, err := d.partners(ctx)
	if err != nil {
		return err
	}
	for _, before := range known {
		if slices.Contains(before.Roles, role) {
			if err := d.client.do(ctx, http.MethodDelete, "/partners/"+url.PathEscape(before.ID), nil, nil); err != nil {
				return fmt.Errorf("remove the demo's CPO of before: %w", err)
			}
		}
	}
	var got admin.Connected
	if err := d.client.do(ctx, http.MethodPost, "/connections", admin.ConnectRequest{URL: p.VersionsURL(), Token: p.TokenA(), Name: "Demo stations"}, &got); err != nil {
		return fmt.Errorf("connect to the demo's CPO: %w", err)
	}
	read, err := pullAll(ctx, d.client, got.Partner.ID, func(*admin.Pull) {})
	if err == nil {
		err = unread(&read)
	}
	if err != nil {
		return fmt.Errorf("read the demo's stations: %w", err)
	}
	return nil
}

// run has charges go on until ctx ends. Those under way then are left as they are.
func (s *demoStations) run(ctx context.Context) error {
	grown := make(chan struct{})
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		defer close(grown)
		s.peer.Grow(ctx, stationEvery)
	}()
	select {
	case err := <-s.served:
		return fmt.Errorf("serve the demo's CPO: %w", err)
	case <-ctx.Done():
	}
	<-grown
	return s.server.Close()
}
