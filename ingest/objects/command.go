package objects

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// What a record of a command tells: its envelope's Path. All but the first, and but
// pointers, are about a command that was asked for before.
const (
	CommandRequested   = "requested"   // CommandRequest: it is durable, and nobody was called yet
	CommandCalling     = "calling"     // CommandClaim: the process that says it calls, and no other ever
	CommandResponded   = "response"    // CommandSaid: what the CPO answered at once
	CommandResulted    = "result"      // CommandSaid: what it posted to the response_url
	CommandTimedOut    = "timed_out"   // CommandTimeout: what was waited for in vain
	CommandDelivered   = "delivered"   // CommandDelivery: what became of the result at who asked
	CommandLinked      = "session"     // CommandSession: the Session that belongs to a START_SESSION
	CommandAmbiguous   = "ambiguous"   // CommandSessions: one of several that might, and nobody knows which
	CommandStop        = "stop"        // CommandStopping: somebody wants the charge to end
	CommandStopAsked   = "stop_asked"  // CommandStopping: the STOP_SESSION for it is asked for
	CommandStopFailed  = "stop_failed" // CommandStopping: the STOP_SESSION for it came to nothing
	CommandLimited     = "limits"      // CommandLimits: new ones
	CommandPreferences = "preferences" // CommandPreference: what the driver wants, and what the CPO said
	CommandClosed      = "closed"      // nothing is waited for any more
	CommandPointer     = "pointer"     // CommandPoint: what a name stands for, see Pointer
)

// Command is a command as its records fold to it.
type Command struct {
	CommandRequest
	Asked       ocpi.Time          `json:"asked"` // as are the other times here, nanoseconds since 1970
	Calling     *CommandClaim      `json:"calling,omitempty"`
	Response    *CommandSaid       `json:"response,omitempty"`
	Result      *CommandSaid       `json:"result,omitempty"`
	Canceled    *CommandSaid       `json:"canceled,omitempty"` // of a RESERVE_NOW that was accepted
	TimedOut    *CommandTimeout    `json:"timed_out,omitempty"`
	Delivered   []CommandDelivery  `json:"delivered,omitempty"` // of each word that who asked is told
	Session     *CommandSession    `json:"session,omitempty"`
	Ambiguous   []CommandSession   `json:"ambiguous,omitempty"`
	Stop        *CommandStopping   `json:"stop,omitempty"`
	StopAsked   string             `json:"stop_asked,omitempty"` // id of the STOP_SESSION that was asked for
	StopFailed  *CommandFailure    `json:"stop_failed,omitempty"`
	Preferences *CommandPreference `json:"preferences,omitempty"`
	Closed      bool               `json:"closed,omitempty"`
	Ignored     int                `json:"ignored,omitempty"` // results that came late or again
	Point       *CommandPoint      `json:"point,omitempty"`   // all there is of a pointer
}

// Ways by which a command is asked for.
const (
	ViaApp      = "app"      // POST /api/v1/sessions
	ViaHelpdesk = "helpdesk" // by a key of that scope
	ViaOCPI     = "ocpi"     // by an eMSP, over OCPI
)

// CommandRequest is what is asked for. Body is the OCPI command in the version of the
// record; its response_url is that of who asked.
type CommandRequest struct {
	Type          ocpi.CommandType `json:"type"`
	Version       string           `json:"version"`
	Via           string           `json:"via"`
	Caller        string           `json:"caller"`  // id of the partner or the key
	Partner       string           `json:"partner"` // whom the result goes to, a partner's id; "" = it is read here
	CPO           string           `json:"cpo"`     // "SE*ABC"
	Body          json.RawMessage  `json:"body"`    // the command
	Location      string           `json:"location,omitempty"`
	EVSE          string           `json:"evse,omitempty"`
	Connector     string           `json:"connector,omitempty"`
	TokenUID      string           `json:"token_uid,omitempty"`
	Contract      string           `json:"contract,omitempty"`
	SessionID     string           `json:"session_id,omitempty"`  // of a STOP_SESSION
	Expiry        ocpi.Time        `json:"expiry,omitempty"`      // of a RESERVE_NOW
	Reservation   string           `json:"reservation,omitempty"` // the number that stands for it at a CPO of OCPI 2.1.1
	Unnamed       bool             `json:"unnamed,omitempty"`     // Sessions of its CPO do not name who pays: OCPI 2.1.1
	Limits        CommandLimits    `json:"limits,omitzero"`
	Quote         json.RawMessage  `json:"quote,omitempty"`
	Of            string           `json:"of,omitempty"` // of a STOP_SESSION the id of the START_SESSION
	Correlation   string           `json:"correlation,omitempty"`
	AnswerWithin  int              `json:"answer_within"`  // seconds, as the settings were
	SessionWithin int              `json:"session_within"` // seconds
}

// StartsOurs reports whether it is a start of a charge whose Session we look for. One over OCPI
// is its eMSP's to follow, but where the Session does not say whose it is: then its start does.
func (r *CommandRequest) StartsOurs() bool {
	return r.Type == ocpi.StartSession && (r.Via != ViaOCPI || r.Unnamed)
}

// CommandLimits end a charge when they are reached.
type CommandLimits struct {
	MaxEnergyKWh string    `json:"max_energy_kwh,omitempty"` // a decimal
	StopAt       ocpi.Time `json:"stop_at,omitempty"`
}

// IsZero reports whether there is none.
func (l CommandLimits) IsZero() bool { return l == CommandLimits{} }

// Energy is MaxEnergyKWh, not set where there is no such limit.
func (l CommandLimits) Energy() ocpi.Number {
	n, err := ocpi.ParseNumber(l.MaxEnergyKWh)
	if err != nil {
		return ocpi.Number{}
	}
	return n
}

// CommandClaim says who calls. The first one counts: who reads its own as the first
// calls, once; who does not never does. So a command is sent at most once, whoever dies.
type CommandClaim struct {
	By string    `json:"by"` // random
	At ocpi.Time `json:"at,omitempty"`
}

// CommandSaid is what a CPO said. Status is the OCPI code it came with where that is
// no success: then Result is what that stands for.
type CommandSaid struct {
	Result  string             `json:"result"`
	Timeout int                `json:"timeout,omitempty"` // seconds
	Message []ocpi.DisplayText `json:"message,omitempty"`
	Status  ocpi.Status        `json:"status,omitempty"`
	Version string             `json:"version,omitempty"` // whose words these are
	At      ocpi.Time          `json:"at,omitempty"`
}

// Answer is what was said, in OCPI's words.
func (s *CommandSaid) Answer() ocpi.CommandAnswer {
	return ocpi.CommandAnswer{Result: s.Result, Timeout: s.Timeout, Message: s.Message}
}

// defaultTimeout is how long a result is waited for where a CPO does not say, in seconds.
const defaultTimeout = 30

// What is waited for.
const (
	AwaitsResponse = "response"
	AwaitsResult   = "result"
	AwaitsSession  = "session"
)

// CommandTimeout is what did not come in its time.
type CommandTimeout struct {
	What   string      `json:"what"`
	Status ocpi.Status `json:"status,omitempty"` // what who asked is told, as a hub: 4002, 4003
	Detail string      `json:"detail,omitempty"`
	At     ocpi.Time   `json:"at,omitempty"`
}

// CommandDelivery says what became of a result at who asked for the command. Of says of
// which, see Undelivered.
type CommandDelivery struct {
	Of     string    `json:"of"`
	OK     bool      `json:"ok"`
	Detail string    `json:"detail,omitempty"`
	At     ocpi.Time `json:"at,omitempty"`
}

// CommandSession names a Session.
type CommandSession struct {
	Country string `json:"country"`
	Party   string `json:"party"`
	ID      string `json:"id"`
	By      string `json:"by,omitempty"` // how it was found: reference, or token
}

// Key is the Session's.
func (s CommandSession) Key() ocpi.Key { return ocpi.NewKey(s.Country, s.Party, s.ID) }

// CommandStopping is that a charge is to end. After names the stop before it, which
// failed: it takes the place of no other.
type CommandStopping struct {
	ID    string    `json:"id"`  // of the STOP_SESSION
	Why   string    `json:"why"` // asked, max_energy_kwh, stop_at
	After string    `json:"after,omitempty"`
	At    ocpi.Time `json:"at,omitempty"`
}

// CommandFailure is the last stop that came to nothing, and how many have.
type CommandFailure struct {
	ID    string    `json:"id"`
	Times int       `json:"times"`
	At    ocpi.Time `json:"at"`
}

// CommandPreference is what a driver wants, and what the CPO answered.
type CommandPreference struct {
	Sent     json.RawMessage `json:"sent"`
	Response string          `json:"response,omitempty"`
	Message  string          `json:"message,omitempty"`
	At       ocpi.Time       `json:"at,omitempty"`
}

// CommandPoint is what a name stands for, from a record on and, where it ends, for a
// while.
type CommandPoint struct {
	To     string    `json:"to"`
	Digest string    `json:"digest,omitempty"`
	For    int       `json:"for,omitempty"`  // seconds; 0 = for ever
	Over   bool      `json:"over,omitempty"` // it stands for this no more
	At     ocpi.Time `json:"at,omitempty"`
}

// ReadCommand returns the command that a state holds.
func ReadCommand(s *ingest.ObjectState) (*Command, error) {
	var c Command
	if err := json.Unmarshal(s.Body, &c); err != nil {
		return nil, fmt.Errorf("read %s at %s: %w", s.Identity(), s.Position, err)
	}
	return &c, nil
}

// maxIgnored bounds how many results that change nothing are kept of one command.
const maxIgnored = 20

// Full reports whether more results of the command would only be noise.
func (c *Command) Full() bool { return c.Ignored >= maxIgnored }

// Over reports whether the CPO will say no more of it: it refused, failed, or never
// answered.
func (c *Command) Over() bool {
	switch {
	case c.TimedOut != nil:
		return true
	case c.Result != nil:
		return c.Result.Result != ocpi.CommandAccepted
	}
	return c.Response != nil && c.Response.Result != ocpi.CommandAccepted
}

// Refused reports whether the CPO said no, at once or later.
func (c *Command) Refused() bool { return c.Over() && c.TimedOut == nil }

// Awaits returns what the CPO owes now, and until when; "" where it owes nothing.
func (c *Command) Awaits() (what string, until ocpi.Time) {
	const second = ocpi.Time(ocpi.Second)
	switch {
	case c.Over(), c.Point != nil:
		return "", 0
	case c.Result != nil:
		if c.Type != ocpi.StartSession || c.Session != nil {
			return "", 0
		}
		return AwaitsSession, c.Result.At + ocpi.Time(c.SessionWithin)*second
	case c.Response != nil:
		return AwaitsResult, c.Response.At + ocpi.Time(cmp.Or(c.Response.Timeout, defaultTimeout))*second
	}
	return AwaitsResponse, c.Asked + ocpi.Time(c.AnswerWithin)*second
}

// What who asked is told: the result, that a reservation was called off, and that no result
// came.
const (
	DeliveredResult   = "result"
	DeliveredCanceled = "canceled"
	DeliveredTimeout  = "timed_out"
)

// Undelivered returns the word that who asked has not been told of yet, and which it is; nil
// for none. That the result did not come in time is told as OCPI's TIMEOUT.
func (c *Command) Undelivered() (said *CommandSaid, of string) {
	switch {
	case c.Partner == "":
	case c.Result != nil && !c.delivered(DeliveredResult):
		return c.Result, DeliveredResult
	case c.Canceled != nil && !c.delivered(DeliveredCanceled):
		return c.Canceled, DeliveredCanceled
	case c.timedOut(AwaitsResult) && !c.delivered(DeliveredTimeout):
		return &CommandSaid{
			Result: ocpi.CommandTimeout, Message: []ocpi.DisplayText{{Language: "en", Text: c.TimedOut.Detail}}, Version: ocpi.V221.String(), At: c.TimedOut.At,
		}, DeliveredTimeout
	}
	return nil, ""
}

// ToTell reports whether who asked has not been told of something yet.
func (c *Command) ToTell() bool {
	said, _ := c.Undelivered()
	return said != nil
}

func (c *Command) delivered(of string) bool {
	return slices.ContainsFunc(c.Delivered, func(d CommandDelivery) bool { return d.Of == of })
}

// Reserves reports whether it is a RESERVE_NOW that the CPO has taken, and neither failed nor
// called off.
func (c *Command) Reserves() bool {
	return c.Type == ocpi.ReserveNow && (c.Response != nil || c.Result != nil) && !c.Over() && c.Canceled == nil
}

// Unreserves reports whether it says that a reservation has ended, or never was.
func (c *Command) Unreserves() bool {
	switch c.Type {
	case ocpi.ReserveNow:
		return c.Canceled != nil || c.Refused()
	case ocpi.CancelReservation:
		return c.Result != nil && c.Result.Result == ocpi.CommandAccepted
	}
	return false
}

// Open reports whether somebody has to see to the command: to call, to deliver, to
// link it to its Session, to end the charge, or to say that something did not come.
func (c *Command) Open() bool {
	what, _ := c.Awaits()
	switch {
	case c.Point != nil:
		return false
	case what != "", c.ToTell(), c.ToStop(), c.StopOver():
		return true
	}
	return c.MayCharge() && !c.Closed
}

// MayCharge reports whether a Session may come of the command, or has come, that we
// have to see to.
func (c *Command) MayCharge() bool {
	return c.StartsOurs() && (c.Session != nil || !c.Refused())
}

// ToStop reports whether a STOP_SESSION is to be asked for: somebody wants the charge to
// end, and its Session is known.
func (c *Command) ToStop() bool {
	return c.Stop != nil && c.StopAsked != c.Stop.ID && c.Session != nil
}

// StopOver reports whether it is to be told to a start that this, its STOP_SESSION, came to
// nothing.
func (c *Command) StopOver() bool {
	return c.Type == ocpi.StopSession && c.Of != "" && c.Over() && !c.Closed
}

// Stopping returns the stop of a start that did not fail, nil for none.
func (c *Command) Stopping() *CommandStopping {
	if c.StopFailed != nil && c.Stop != nil && c.StopFailed.ID == c.Stop.ID {
		return nil
	}
	return c.Stop
}

// LimitStop is a stop for a limit, in place of the one before it, which failed.
func (c *Command) LimitStop(id, why string) CommandStopping {
	v := CommandStopping{ID: id, Why: why}
	if c.Stop != nil {
		v.After = c.Stop.ID
	}
	return v
}

// maxStops bounds how many stops of a charge may fail; the last one stands.
const maxStops = 20

// LimitsFrom is the instant from which limits may end the charge: after a stop that failed
// a while later, ever longer.
func (c *Command) LimitsFrom() ocpi.Time {
	if c.StopFailed == nil {
		return 0
	}
	return c.StopFailed.At + 60*ocpi.Time(ocpi.Second)<<min(c.StopFailed.Times-1, 5)
}

// Mark is what the store finds commands by: how it was asked for and what it is, and
// whether it is open.
func (c *Command) Mark() string {
	if c.Point != nil {
		return ""
	}
	mark := c.Via + " " + string(c.Type)
	if c.Open() {
		mark += OpenMark
	}
	return mark
}

// FirstID is the first id that a command may have which was asked for at an instant: ids are
// in the order of time.
func FirstID(at time.Time) string {
	var id ulid.ULID
	if err := id.SetTime(ulid.Timestamp(at)); err != nil {
		return ""
	}
	return id.String()
}

// OpenMark ends the Mark of commands that are open.
const OpenMark = " open"

// Commands is the Fold of commands: first come, first counted. What comes late, twice
// or out of turn stays in the log and changes nothing.
type Commands struct {
	// Seen is told of every new state; nil = nobody is. It must not call the follower.
	Seen func(s *ingest.ObjectState)
}

// Kind implements Fold.
func (Commands) Kind() ingest.Object { return ingest.ObjectCommand }

// Warm implements Fold: commands come and go, the store holds them.
func (Commands) Warm() bool { return false }

// Folded implements Fold.
func (f Commands) Folded(s *ingest.ObjectState) {
	if f.Seen != nil {
		f.Seen(s)
	}
}

var errNoSuchEvent = errors.New("no such record of a command")

// Apply implements Fold.
func (Commands) Apply(old *ingest.ObjectState, r *ingest.Record) (*ingest.ObjectState, error) {
	var c *Command
	if old != nil {
		var err error
		if c, err = ReadCommand(old); err != nil {
			return nil, err
		}
	}
	var err error
	switch {
	case r.Path == CommandPointer:
		c, err = point(c, r)
	case r.Path == CommandRequested:
		c, err = requested(c, r)
	case c == nil || c.Point != nil:
		return nil, ingest.ErrUnknownObject
	default:
		var said bool
		if said, err = c.apply(r); !said {
			c = nil
		}
	}
	if err != nil || c == nil {
		return nil, err
	}
	body, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", r.Identity(), err)
	}
	s := noted(old, r, body)
	s.Contract = c.Mark()
	if old != nil {
		s.Version, s.Sender = old.Version, old.Sender // of who asked
	}
	s.With, _ = ocpi.ParseParty(strings.Clone(c.CPO))
	return s, nil
}

// decode reads a record's body.
func decode[T any](r *ingest.Record) (v T, err error) {
	if err = json.Unmarshal(r.Body, &v); err != nil {
		return v, fmt.Errorf("read %s of %s: %w", r.Path, r.Identity(), err)
	}
	return v, nil
}

func requested(old *Command, r *ingest.Record) (*Command, error) {
	if old != nil {
		return nil, nil // asked for twice
	}
	request, err := decode[CommandRequest](r)
	return &Command{CommandRequest: request, Asked: r.Received}, err
}

// point has a name stand for something: the first record counts, until its time is over. The
// same again ends when the later of them does, or at once.
func point(old *Command, r *ingest.Record) (*Command, error) {
	p, err := decode[CommandPoint](r)
	if err != nil {
		return nil, err
	}
	p.At = r.Received
	switch stands := old != nil && !old.Point.Ended(r.Received); {
	case !stands && p.Over, stands && (p.To != old.Point.To || p.Digest != old.Point.Digest), stands && !p.Over && !p.outlasts(old.Point):
		return nil, nil
	}
	return &Command{Point: &p}, nil
}

// Ended reports whether the name stands for nothing any more.
func (p *CommandPoint) Ended(now ocpi.Time) bool {
	return p != nil && (p.Over || p.For > 0 && now >= p.end())
}

func (p *CommandPoint) end() ocpi.Time { return p.At + ocpi.Time(p.For)*ocpi.Time(ocpi.Second) }

// outlasts reports whether a name stands longer than by another record.
func (p *CommandPoint) outlasts(old *CommandPoint) bool {
	return old.For > 0 && (p.For == 0 || p.end() > old.end())
}

// apply changes the command by a record; said is false where that says nothing new.
func (c *Command) apply(r *ingest.Record) (said bool, err error) {
	switch r.Path {
	case CommandCalling:
		return set(&c.Calling, r, c.Calling == nil, func(v *CommandClaim) { v.At = r.Received })
	case CommandResponded:
		return set(&c.Response, r, c.Response == nil && !c.timedOut(AwaitsResponse), func(v *CommandSaid) { v.At = r.Received })
	case CommandResulted:
		return c.resulted(r)
	case CommandTimedOut:
		return c.timeOut(r)
	case CommandDelivered:
		v, err := decode[CommandDelivery](r)
		if _, of := c.Undelivered(); err != nil || of == "" || of != v.Of {
			return false, err
		}
		v.At = r.Received
		c.Delivered = append(c.Delivered, v)
		return true, nil
	case CommandLinked:
		return set(&c.Session, r, c.Session == nil && c.Type == ocpi.StartSession, func(*CommandSession) {})
	case CommandAmbiguous:
		return c.ambiguous(r)
	case CommandStop:
		return c.stop(r)
	case CommandStopAsked:
		v, err := decode[CommandStopping](r)
		c.StopAsked = v.ID
		return err == nil, err
	case CommandStopFailed:
		return c.failedStop(r)
	case CommandLimited:
		v, err := decode[CommandLimits](r)
		c.Limits = v
		c.Closed = c.Closed && v.IsZero()
		return err == nil, err
	case CommandPreferences:
		return set(&c.Preferences, r, true, func(v *CommandPreference) { v.At = r.Received })
	case CommandClosed:
		said, c.Closed = !c.Closed, true
		return said, nil
	}
	return false, fmt.Errorf("%q: %w", r.Path, errNoSuchEvent)
}

// set fills a member from a record, where its turn has come.
func set[T any](at **T, r *ingest.Record, turn bool, also func(*T)) (said bool, err error) {
	if !turn {
		return false, nil
	}
	v, err := decode[T](r)
	if err != nil {
		return false, err
	}
	also(&v)
	*at = &v
	return true, nil
}

func (c *Command) timedOut(what string) bool { return c.TimedOut != nil && c.TimedOut.What == what }

// resulted takes a result: the first one before its time was over, be it before the
// response. A reservation that was accepted may be called off until it ends.
func (c *Command) resulted(r *ingest.Record) (bool, error) {
	v, err := decode[CommandSaid](r)
	if err != nil {
		return false, err
	}
	v.At = r.Received
	cancels := c.Type == ocpi.ReserveNow && v.Result == ocpi.CommandCanceledReservation && c.Result != nil && r.Received < c.Expiry
	switch {
	case c.Result == nil && !c.Over():
		c.Result = &v
	case cancels && c.Result.Result == ocpi.CommandAccepted && c.Canceled == nil:
		c.Canceled = &v
	case c.Full():
		return false, nil
	default:
		c.Ignored++
	}
	return true, nil
}

// timeOut takes it that something did not come, where it was waited for.
func (c *Command) timeOut(r *ingest.Record) (bool, error) {
	v, err := decode[CommandTimeout](r)
	if err != nil {
		return false, err
	}
	if what, _ := c.Awaits(); what == "" || what != v.What {
		return false, nil // it came
	}
	v.At = r.Received
	c.TimedOut = &v
	return true, nil
}

// maxAmbiguous bounds the Sessions that may be the command's.
const maxAmbiguous = 10

// Doubted reports whether it is noted that a Session may be the command's, or no more can
// be.
func (c *Command) Doubted(session ocpi.Key) bool {
	return len(c.Ambiguous) == maxAmbiguous || slices.ContainsFunc(c.Ambiguous, func(s CommandSession) bool { return s.Key() == session })
}

func (c *Command) ambiguous(r *ingest.Record) (bool, error) {
	v, err := decode[CommandSession](r)
	if err != nil || c.Session != nil || c.Type != ocpi.StartSession || c.Doubted(v.Key()) {
		return false, err
	}
	c.Ambiguous = append(c.Ambiguous, v)
	return true, nil
}

// stop takes it that the charge is to end: once, or again after a stop that failed.
func (c *Command) stop(r *ingest.Record) (bool, error) {
	v, err := decode[CommandStopping](r)
	if err != nil || c.Type != ocpi.StartSession || c.Stop != nil && c.Stop.ID != v.After {
		return false, err
	}
	v.At = r.Received
	c.Stop = &v
	return true, nil
}

// failedStop takes it that the stop came to nothing: limits hold again.
func (c *Command) failedStop(r *ingest.Record) (bool, error) {
	v, err := decode[CommandStopping](r)
	if err != nil || c.Stopping() == nil || c.Stop.ID != v.ID {
		return false, err
	}
	times := 1
	if c.StopFailed != nil {
		times += c.StopFailed.Times
	}
	if times > maxStops {
		return false, nil
	}
	c.StopFailed = &CommandFailure{ID: v.ID, Times: times, At: r.Received}
	c.Closed = c.Closed && c.Limits.IsZero()
	return true, nil
}
