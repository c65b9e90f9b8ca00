package command

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/partner"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/ocpi/convert"
)

// start calls a command beside, with a place of the budget that was taken for the CPO's
// partner. The channel is closed when it is over.
func (d *Desk) start(key ocpi.Key, partnerID string) <-chan struct{} {
	over := make(chan struct{})
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed { // its owner calls it, after the next start
		d.calls.Give(partnerID, 1)
		close(over)
		return over
	}
	d.going.Go(func() {
		defer close(over)
		defer d.calls.Give(partnerID, 1)
		base := d.base.Load()
		if base == nil || (*base).Err() != nil {
			return // its owner calls it, after the next start
		}
		if err := d.call(*base, key); err != nil && (*base).Err() == nil {
			d.Logger.Error("call a command", "command", key.String(), "error", err)
		}
	})
	return over
}

// appendWithin bounds how long a record about a call may take.
const appendWithin = 30 * time.Second

// call calls a command, if it is the first that says so and it is not too late, and
// notes what the CPO answered.
func (d *Desk) call(ctx context.Context, key ocpi.Key) error {
	e, ok, err := d.Get(ctx, key)
	if err != nil || !ok || e.Command.Calling != nil || e.Command.Over() {
		return err
	}
	_, until := e.Command.Awaits()
	left := until.Go().Sub(d.Now())
	if left <= 0 {
		return nil // its owner says that it came to nothing
	}
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	mine := objects.CommandClaim{By: NewID()}
	if e, err = d.Note(ctx, e, "", objects.CommandCalling, mine); err != nil {
		return err // whether it is ours is not known: then nobody calls
	}
	if e.Command.Calling == nil || e.Command.Calling.By != mine.By {
		return nil
	}
	what, body := d.send(ctx, e)
	if errors.Is(ctx.Err(), context.Canceled) && what != objects.CommandResponded {
		return nil // we stop: nobody knows what came of it
	}
	noting, done := context.WithTimeout(context.WithoutCancel(ctx), appendWithin)
	defer done()
	if e, err = d.Note(noting, e, "", what, body); err != nil || !e.Command.Reserves() {
		return err
	}
	return d.reserved(noting, e)
}

// send sends a command to its CPO, and returns what is to be noted.
func (d *Desk) send(ctx context.Context, e *Entry) (what string, body any) {
	cpo, _ := ocpi.ParseParty(e.Command.CPO)
	to, err := d.Connected(cpo)
	if err != nil {
		d.Logger.Warn("a command has nowhere to go", "command", e.Key.String(), "cpo", e.Command.CPO, "error", err)
		return failed(ocpi.StatusNotConnected, fmt.Sprintf("%s is not connected", cpo))
	}
	v := to.Peer.Version
	out, err := d.body(e.Key, &e.Command.CommandRequest, v)
	if no, ok := errors.AsType[*convert.Refused](err); ok {
		return refused(ocpi.StatusHubError, no.Error())
	}
	if err != nil { // it may name the response_url
		d.Logger.Error("a command cannot be written", "command", e.Key.String(), "to", to.ID, "error", err)
		return refused(ocpi.StatusHubError, fmt.Sprintf("it cannot be said to %s", cpo))
	}
	answer, err := d.Sender.Send(ctx, partner.Request{
		To: to, Module: module, Side: ocpi.RoleReceiver, Method: http.MethodPost, Path: []string{string(e.Command.Type)}, Body: out.Body, Prompt: true,
		From: e.Key.Party, For: cpo, Correlation: e.Command.Correlation,
	})
	if err != nil {
		d.Logger.Warn("a command was not answered with success", "command", e.Key.String(), "to", to.ID, "error", err)
		return unanswered(cpo, err)
	}
	said, err := ocpi.ReadCommandResponse(v, answer.Data)
	if err != nil {
		return refused(ocpi.StatusHubError, fmt.Sprintf("the operator's answer cannot be read: %v", err))
	}
	if v == ocpi.V211 && said.Result == ocpi.CommandAccepted {
		said.Timeout = responseTimeout211
	}
	return objects.CommandResponded, objects.CommandSaid{Result: said.Result, Timeout: said.Timeout, Message: said.Message, Version: v.String()}
}

// responseTimeout211 is how long the result of a CPO of OCPI 2.1.1 is waited for, in
// seconds: it does not say.
const responseTimeout211 = 30

// unanswered is what a call that failed comes to: the CPO said no, or nothing is known. Who
// asked is told neither where the CPO is called nor what our connection to it says.
func unanswered(cpo ocpi.Party, err error) (what string, body any) {
	said, _ := errors.AsType[*partner.Error](err)
	switch {
	case errors.Is(err, context.DeadlineExceeded), said != nil && said.TimedOut():
		return failed(ocpi.StatusTimeout, "no answer in time")
	case said != nil && said.HTTP == 0 && said.Sent: // it may have taken it
		return failed(ocpi.StatusTimeout, "no answer: the connection broke off")
	case said == nil, said.HTTP == 0:
		return failed(ocpi.StatusNotConnected, fmt.Sprintf("%s is not connected", cpo))
	case said.HTTP >= http.StatusInternalServerError:
		return failed(ocpi.StatusNotConnected, fmt.Sprintf("%s answered HTTP %d", cpo, said.HTTP))
	case said.HTTP == http.StatusUnauthorized, said.HTTP == http.StatusForbidden:
		return refused(ocpi.StatusNotConnected, fmt.Sprintf("%s is not connected: it does not let us in", cpo))
	case said.Status != 0:
		return refused(said.Status, said.Message)
	}
	return refused(ocpi.StatusHubError, fmt.Sprintf("%s answered what cannot be read", cpo))
}

// maxDetail bounds what is kept of why a call failed.
const maxDetail = 300

func bounded(s string) string { return api.Shorten(s, maxDetail) }

// refused is a CPO's no that is not a CommandResponse.
func refused(status ocpi.Status, message string) (what string, body any) {
	said := objects.CommandSaid{Result: ocpi.CommandRejected, Status: status}
	if message != "" {
		said.Message = []ocpi.DisplayText{{Language: "en", Text: bounded(message)}}
	}
	return objects.CommandResponded, said
}

// failed is a call of which nobody knows what came of it.
func failed(status ocpi.Status, detail string) (what string, body any) {
	return objects.CommandTimedOut, objects.CommandTimeout{What: objects.AwaitsResponse, Status: status, Detail: bounded(detail)}
}

// resultPurpose is what signatures of results are for.
const resultPurpose = "command result"

// resultURL is where a CPO posts the result of a command.
func (d *Desk) resultURL(v ocpi.Version, t ocpi.CommandType, key ocpi.Key, cpo ocpi.Party) string {
	return d.ResultURL(v) + "/" + string(t) + "/" + key.Party.Country + "/" + key.Party.ID + "/" + key.ID + "/" + d.sign(t, key, cpo)
}

func (d *Desk) sign(t ocpi.CommandType, key ocpi.Key, cpo ocpi.Party) string {
	return d.Signer.Sign(resultPurpose, signed(t, key, cpo)...)
}

func signed(t ocpi.CommandType, key ocpi.Key, cpo ocpi.Party) []string {
	return []string{string(t), key.Party.String(), key.ID, cpo.String()}
}

// Posted is a result as it came.
type Posted struct {
	Type      ocpi.CommandType
	Key       ocpi.Key
	Signature string
	Version   ocpi.Version
	Body      []byte
}

// Result takes a result that a partner posts. The error is an ingest.ErrUnknownObject
// where the signature is not that of a command to one of its CPOs; *ocpi.SyntaxError,
// *ocpi.Invalid. What comes late, or again, is kept and changes nothing.
func (d *Desk) Result(ctx context.Context, from ingest.Sender, p Posted) error {
	ours := false
	for _, cpo := range from.Parties {
		ours = ours || d.Signer.Signed(p.Signature, resultPurpose, signed(p.Type, p.Key, cpo)...)
	}
	if !ours {
		return ingest.ErrUnknownObject
	}
	e, ok, err := d.Get(ctx, p.Key)
	switch {
	case err != nil:
		return err
	case !ok:
		return ingest.ErrUnknownObject
	}
	said, err := ocpi.ReadCommandResult(p.Version, p.Body)
	if err != nil {
		return err
	}
	if e.Command.Full() {
		return nil
	}
	e, err = d.Note(ctx, e, from.ID, objects.CommandResulted, objects.CommandSaid{Result: said.Result, Message: said.Message, Version: p.Version.String()})
	if err != nil || !e.Command.Unreserves() {
		return err
	}
	return d.unreserved(ctx, e)
}
