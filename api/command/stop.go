package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
)

// NoURL is the response_url of commands whose results are read here. It is replaced
// before a CPO sees it.
const NoURL = "https://result.invalid/"

// Stop has a charge end, once: a second call changes nothing, unless the stop before
// failed. The STOP_SESSION is asked for as soon as the Session is known.
func (d *Desk) Stop(ctx context.Context, e *Entry, caller string) (*Entry, error) {
	stop := objects.CommandStopping{ID: NewID(), Why: "asked"}
	if before := e.Command.Stop; before != nil {
		failed, err := d.stopFailed(ctx, e)
		if err != nil || !failed {
			return e, err
		}
		stop.After = before.ID
	}
	e, err := d.Note(ctx, e, caller, objects.CommandStop, stop)
	if err != nil || !e.Command.ToStop() {
		return e, err
	}
	if err := d.askStop(ctx, e); err != nil {
		d.Logger.Warn("ask for a STOP_SESSION; it is tried again", "command", e.Key.String(), "error", err)
		return e, nil // that the charge is to end is durable
	}
	now, ok, err := d.Get(ctx, e.Key)
	if err == nil && !ok {
		return e, nil
	}
	return now, err
}

// StopOf returns the STOP_SESSION of a start, nil where there is none.
func (d *Desk) StopOf(ctx context.Context, e *Entry) (*Entry, error) {
	if e.Command.Stop == nil {
		return nil, nil
	}
	stop, ok, err := d.Get(ctx, ocpi.Key{Party: e.Key.Party, ID: e.Command.Stop.ID})
	if err != nil || !ok {
		return nil, err
	}
	return stop, nil
}

// stopFailed reports whether the stop of a charge came to nothing.
func (d *Desk) stopFailed(ctx context.Context, e *Entry) (bool, error) {
	stop, err := d.StopOf(ctx, e)
	if err != nil {
		return false, err
	}
	return e.StopFailed(stop), nil
}

// StopFailed reports whether the stop of a charge came to nothing, which is nil where there
// is no such command.
func (e *Entry) StopFailed(stop *Entry) bool {
	if stop == nil {
		return e.Command.Stop != nil && e.Command.StopAsked == e.Command.Stop.ID // it was given up
	}
	return stop.Command.Over()
}

// askStop asks for the STOP_SESSION of a start whose Session is known. Its id stands with
// the start: asked for twice it is one command.
func (d *Desk) askStop(ctx context.Context, e *Entry) error {
	c := e.Command
	cpo, _ := ocpi.ParseParty(c.CPO)
	body, err := json.Marshal(map[string]string{"response_url": NoURL, "session_id": c.Session.ID})
	if err != nil {
		return fmt.Errorf("write STOP_SESSION of %s: %w", e.Key, err)
	}
	command, err := ocpi.ReadCommand(ocpi.V221, ocpi.StopSession, body)
	if err != nil {
		return fmt.Errorf("STOP_SESSION of %s: %w", e.Key, err)
	}
	_, err = d.Ask(ctx, Asking{ID: c.Stop.ID, Party: e.Key.Party, Via: objects.ViaApp, Caller: c.Caller, CPO: cpo, Command: command, Of: e.Key.ID})
	if errors.Is(err, api.ErrNotConnected) && ocpi.TimeOf(d.Now()) > c.Stop.At+ocpi.Time(giveUp) {
		err = nil // the charge is over by now, whatever becomes of the CPO
	}
	if _, foreign := errors.AsType[*ocpi.Invalid](err); foreign {
		err = nil // it is known meanwhile that another pays: there is nothing to stop
	}
	if err != nil {
		return err
	}
	return d.note(ctx, e, "", objects.CommandStopAsked, objects.CommandStopping{ID: c.Stop.ID})
}

// stopOver tells a start that its STOP_SESSION came to nothing, so that its limits hold
// again.
func (d *Desk) stopOver(ctx context.Context, stop *Entry) error {
	e, ok, err := d.Get(ctx, ocpi.Key{Party: stop.Key.Party, ID: stop.Command.Of})
	if err == nil && ok {
		err = d.note(ctx, e, "", objects.CommandStopFailed, objects.CommandStopping{ID: stop.Key.ID})
	}
	if err != nil {
		return err
	}
	return d.note(ctx, stop, "", objects.CommandClosed, struct{}{})
}
