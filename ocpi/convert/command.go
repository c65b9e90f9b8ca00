package convert

import (
	"github.com/roamclear/roamclear/ocpi"
)

// ResponseTimeout is what a CommandResponse of 2.1.1, which has no timeout, says in
// later versions, in seconds.
const ResponseTimeout = 30

// CommandChange is what changes in a command that a hub hands on.
type CommandChange struct {
	ResponseURL string // the hub's own
	Reservation string // reservation_id in the target version; "" = as it is
}

// Command returns the body of a command in another version. The error is a *Refused
// where that version has no such command, or that of a Token that cannot be converted.
func Command(c *ocpi.Command, to ocpi.Version, change CommandChange, ctx Context) (Result, error) {
	o, err := ocpi.SplitObject(c.Raw)
	if err != nil {
		return Result{}, err
	}
	if to == ocpi.V211 && c.Type == ocpi.CancelReservation {
		return Result{}, &Refused{Path: "", Reason: "OCPI 2.1.1 has no CANCEL_RESERVATION"}
	}
	o = o.With("response_url", quote(change.ResponseURL))
	var r Result
	if c.Token != nil && c.Version != to {
		token, err := Convert(Token, c.Version, to, c.Token, ctx)
		if err != nil {
			return Result{}, err
		}
		o = o.With("token", string(token.Body))
		for _, l := range token.Lost {
			r.Lost = append(r.Lost, Loss{"token." + l.Path, l.Reason})
		}
	}
	if to == ocpi.V211 && c.Version != to {
		for _, name := range []string{"connector_id", "authorization_reference"} {
			if c.Type == ocpi.UnlockConnector || o.Value(name) == "" {
				continue
			}
			o = o.With(name, "null")
			r.Lost = append(r.Lost, Loss{name, "OCPI 2.1.1 has no such member"})
		}
	}
	if reservation := c.ReservationID; reservation != "" {
		if change.Reservation != "" {
			reservation = change.Reservation
		}
		if to != ocpi.V211 {
			reservation = quote(reservation)
		}
		o = o.With("reservation_id", reservation)
	}
	r.Body = o.Bytes()
	return r, nil
}

// CommandResponse returns a CommandResponse in another version: TIMEOUT went with 2.2,
// where a timeout is due.
func CommandResponse(a ocpi.CommandAnswer, from, to ocpi.Version) ocpi.CommandAnswer {
	switch {
	case from == ocpi.V211 && to != ocpi.V211:
		a.Timeout = ResponseTimeout
		if a.Result == ocpi.CommandTimeout {
			a.Result, a.Message = ocpi.CommandRejected, []ocpi.DisplayText{{Language: "en", Text: "TIMEOUT: the operator had no answer of the station in time"}}
		}
	case from != ocpi.V211 && to == ocpi.V211:
		a.Timeout, a.Message = 0, nil
	}
	return a
}

// CommandResult returns what is posted to a response_url in another version: in 2.1.1
// that is a CommandResponse.
func CommandResult(a ocpi.CommandAnswer, from, to ocpi.Version) ocpi.CommandAnswer {
	switch {
	case from == ocpi.V211 && to != ocpi.V211:
		if a.Result == ocpi.CommandUnknownSession {
			a.Result = ocpi.CommandFailed
		}
	case from != ocpi.V211 && to == ocpi.V211:
		a.Message = nil
		switch a.Result {
		case ocpi.CommandAccepted, ocpi.CommandRejected, ocpi.CommandNotSupported, ocpi.CommandTimeout:
		default: // newer ones
			a.Result = ocpi.CommandRejected
		}
	}
	return a
}
