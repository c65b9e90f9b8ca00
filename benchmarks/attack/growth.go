package attack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"syscall"
	"time"

	"github.com/roamclear/roamclear/benchmarks/process"
)

// limits of what PATCHes may make of an object, in bytes.
const (
	maxSession  = 1 << 20
	maxLocation = 4 << 20
)

// growth makes a Session and a Location larger with every PATCH.
func growth(ctx context.Context, t *target) error {
	const session, location = "/ocpi/2.2.1/receiver/sessions/GB/ATT/S1", "/ocpi/2.2.1/receiver/locations/GB/ATT/L1"
	if _, err := t.must(ctx, &attacker, http.MethodPut, session, encode(members{
		"country_code": "GB", "party_id": "ATT", "id": "S1", "start_date_time": stamp(epoch), "kwh": 0, "auth_method": "WHITELIST",
		"cdr_token":   members{"country_code": "NL", "party_id": "PAY", "uid": "U1", "type": "RFID", "contract_id": "NL-PAY-1"},
		"location_id": "L1", "evse_uid": "E1", "connector_id": "1", "currency": "GBP", "status": "ACTIVE", "last_updated": stamp(epoch)})); err != nil {
		return err
	}
	if _, err := t.must(ctx, &attacker, http.MethodPut, location, encode(members{
		"country_code": "GB", "party_id": "ATT", "id": "L1", "publish": true, "address": "a", "city": "c", "country": "GBR",
		"coordinates": members{"latitude": "56.45700", "longitude": "-2.97500"}, "time_zone": "Europe/London", "last_updated": stamp(epoch)})); err != nil {
		return err
	}
	if err := t.grow(ctx, session, maxSession, t.size(24, 260)); err != nil {
		return err
	}
	return t.grow(ctx, location, maxLocation, t.size(80, 260))
}

// grow sends n PATCHes of 60 KB, each with a member of its own.
func (t *target) grow(ctx context.Context, path string, most, n int) error {
	refused := 0
	for i := range n {
		patch := encode(members{fmt.Sprintf("x_%d", i): filler(60 << 10), "last_updated": stamp(epoch.Add(time.Duration(i+1) * time.Second))})
		status, answer, err := t.send(ctx, &attacker, http.MethodPatch, path, patch)
		switch {
		case err != nil:
			return err
		case status != http.StatusOK:
			return fmt.Errorf("PATCH %d of %s: HTTP %d %.300s", i, path, status, answer)
		case bytes.Contains(answer, []byte(`"status_code":2001`)):
			refused++
		}
	}
	_, whole, err := t.send(ctx, &attacker, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	if len(whole) > most+4<<10 { // the envelope
		t.violate("%s has grown to %d KB, want at most %d; %d of %d PATCHes were refused", path, len(whole)>>10, most>>10, refused, n)
	}
	if refused == 0 {
		t.violate("none of %d PATCHes of 60 KB of %s was refused with 2001", n, path)
	}
	return nil
}

// fillLog has the attacker fill the log while the store stands still, and an
// operator remove it; then everything goes on.
func fillLog(ctx context.Context, t *target) error {
	engine, err := process.Children(t.service.Pid())
	if err != nil {
		return err
	}
	if len(engine) != 1 {
		return fmt.Errorf("%d engines, want one", len(engine))
	}
	if err := syscall.Kill(engine[0], syscall.SIGSTOP); err != nil {
		return fmt.Errorf("halt the engine: %w", err)
	}
	err = t.fillAndRemove(ctx)
	if resumed := syscall.Kill(engine[0], syscall.SIGCONT); resumed != nil {
		err = errors.Join(err, fmt.Errorf("let the engine go on: %w", resumed))
	}
	if err != nil {
		return err
	}
	return t.acceptsAgain(ctx)
}

func (t *target) fillAndRemove(ctx context.Context) error {
	full := false
	for i := 0; !full && i < 4000; i++ {
		status, answer, err := t.send(ctx, &attacker, http.MethodPost, cdrsPath, largeCDR(fmt.Sprintf("fill-%d", i)))
		if err != nil {
			return err
		}
		if full = status == http.StatusServiceUnavailable; !full && status != http.StatusCreated {
			return fmt.Errorf("push %d: HTTP %d %.300s", i, status, answer)
		}
	}
	if !full {
		return errors.New("the log did not fill")
	}
	within, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if _, err := t.service.Run(within, "partner", "remove", "gb-att-cpo"); err != nil {
		t.violate("a partner cannot be removed while the log is full: %v", err)
		return nil
	}
	if status, _, err := t.send(ctx, &attacker, http.MethodPost, cdrsPath, smallCDR(&attacker, "after")); err != nil || status != http.StatusUnauthorized {
		t.violate("the removed partner's push is answered with HTTP %d, %v; want 401", status, err)
	}
	return nil
}

// acceptsAgain waits until another partner's CDR is accepted: the log is not
// full any more.
func (t *target) acceptsAgain(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, endWithin)
	defer cancel()
	for {
		status, answer, err := t.send(within, &other, http.MethodPost, cdrsPath, smallCDR(&other, "again"))
		if status == http.StatusCreated {
			return nil
		}
		if !pause(within, pauseAfter503) {
			return fmt.Errorf("the log stays full: HTTP %d %.300s, %w", status, answer, err)
		}
	}
}
