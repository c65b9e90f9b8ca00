package command

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/partner"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/objects"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/ocpi/convert"
)

// Objects reads commands and Sessions as they stand: an objects.Follower.
type Objects interface {
	Get(ctx context.Context, t ingest.Target) (s ingest.ObjectState, ok bool, err error)
	Wait(ctx context.Context, topic ingest.Topic, p ingest.Position) error
	CatchUp(ctx context.Context, topic ingest.Topic) error
}

// Partners finds partners: a control.Partners.
type Partners interface {
	Holder(r control.Role) (*control.Partner, bool)
	Find(id string) (*control.Partner, bool)
}

// Store finds what is stored.
type Store interface {
	// OpenCommands returns a page of the commands that are open, in the order of
	// their keys.
	OpenCommands(ctx context.Context, after ocpi.Key, limit int) ([]ocpi.Key, error)
	// SessionsSince returns a page of the Sessions of a CPO that have changed since, in the
	// order of their ids.
	SessionsSince(ctx context.Context, cpo ocpi.Party, since ocpi.Time, after string, limit int) ([]ocpi.Key, error)
}

// Sender calls partners: a partner.Forwarder.
type Sender interface {
	Send(ctx context.Context, r partner.Request) (*partner.Answer, error)
	Deliver(ctx context.Context, d partner.Delivery) error
}

// Deps is what a Desk works with.
type Deps struct {
	Log      ingest.Appender
	Place    func(key ocpi.Key) ingest.Partition // of a command
	Objects  Objects
	Partners Partners
	Store    Store
	Sender   Sender
	Signer   *control.Sealer
	// ResultURL is where CPOs of a version post results, without what stands behind it.
	ResultURL      func(v ocpi.Version) string
	AnswerTimeout  time.Duration // a CPO's, to a command; 0 = 10 s
	SessionTimeout time.Duration // of the Session of a start that was accepted; 0 = 5 m
	Open           int           // commands of a party that may be open at once; 0 = 50,000
	Counts         bool          // it sees to no commands: of those that are open it only knows how many
	Now            func() time.Time
	Logger         *slog.Logger
}

// Bounds that hold when Deps leaves them 0.
const (
	DefaultAnswerTimeout  = 10 * time.Second
	DefaultSessionTimeout = 5 * time.Minute
	DefaultOpen           = 50_000
)

// callsAtOnce is how many calls are under way at once, to each CPO a quarter.
const callsAtOnce = 512

// Desk is where commands are asked for and seen to. It is safe for concurrent use.
type Desk struct {
	Deps
	calls *api.Budget
	base  atomic.Pointer[context.Context] // of what outlives a request, see Work
	going sync.WaitGroup
	keeper
}

// New returns a Desk. Nothing is called before Work.
func New(d Deps) *Desk {
	if d.AnswerTimeout == 0 {
		d.AnswerTimeout = DefaultAnswerTimeout
	}
	if d.SessionTimeout == 0 {
		d.SessionTimeout = DefaultSessionTimeout
	}
	if d.Open == 0 {
		d.Open = DefaultOpen
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	desk := &Desk{Deps: d, calls: api.NewBudget(callsAtOnce)}
	desk.init()
	return desk
}

// Work lets commands be called until ctx ends, or Close.
func (d *Desk) Work(ctx context.Context) { d.base.Store(&ctx) }

// Close returns when no call is under way, and none will be.
func (d *Desk) Close() {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.going.Wait()
}

// Asking is what somebody asks of a CPO.
type Asking struct {
	ID      string     // "" = a new one, see NewID
	Party   ocpi.Party // the eMSP that asks
	Via     string     // see objects.ViaApp
	Caller  string     // id of the partner or key
	Partner string     // id of the partner that results go to; "" = they are read here
	CPO     ocpi.Party
	Command *ocpi.Command
	Limits  objects.CommandLimits
	Quote   json.RawMessage
	Of      string // of a STOP_SESSION the START_SESSION's id
	// Correlation is that of the request, "" = a new one.
	Correlation string
}

// Entry is a command as it stands.
type Entry struct {
	Key     ocpi.Key // of who asked; ID is ours
	State   ingest.ObjectState
	Command *objects.Command
	Lost    []convert.Loss // of what was asked, in the CPO's version; of who has just asked
}

// NewID returns an id for a command: a ULID, so that they are in the order of time.
func NewID() string { return ulid.Make().String() }

// IsID reports whether a text is like an id of a command.
func IsID(text string) bool {
	_, err := ulid.ParseStrict(text)
	return err == nil
}

// Target is where a command is found.
func Target(key ocpi.Key) ingest.Target {
	return ingest.Target{Object: ingest.ObjectCommand, Key: key, ID: key.ID}
}

// Get returns a command; ok is false where there is none.
func (d *Desk) Get(ctx context.Context, key ocpi.Key) (e *Entry, ok bool, err error) {
	s, ok, err := d.Objects.Get(ctx, Target(key))
	if err != nil || !ok {
		return nil, false, err
	}
	c, err := objects.ReadCommand(&s)
	if err != nil || c.Point != nil {
		return nil, false, err
	}
	return &Entry{Key: key, State: s, Command: c}, true, nil
}

// Connected returns the partner that is a CPO. The error is an api.ErrNotConnected
// where nobody is, or it takes no commands.
func (d *Desk) Connected(cpo ocpi.Party) (*control.Partner, error) {
	p, ok := d.Partners.Holder(control.Role{Role: control.RoleCPO, Country: cpo.Country, PartyID: cpo.ID})
	if !ok || p.Peer == nil {
		return nil, fmt.Errorf("%w: %s", api.ErrNotConnected, cpo)
	}
	if _, ok := p.Peer.Endpoint(module, ocpi.RoleReceiver); !ok {
		return nil, fmt.Errorf("%w: %s takes no commands", api.ErrNotConnected, cpo)
	}
	return p, nil
}

// module is the name of commands in version details.
const module = "commands"

// errClosing says that the process is about to stop.
var errClosing = fmt.Errorf("%w: commands are not called any more", ingest.ErrOverload)

// Ask makes a command durable, has it called beside, and returns it as it stands. Where
// the error is not an ingest.ErrOutcomeUnknown nothing was done; it is an *ocpi.Invalid for
// a STOP_SESSION of another's charge, an *api.TooOftenError where too many commands of the
// party are open.
func (d *Desk) Ask(ctx context.Context, a Asking) (*Entry, error) {
	e, call, err := d.ask(ctx, a)
	if err == nil {
		call()
	}
	return e, err
}

// AskAndWait is Ask that returns when the CPO has answered, or will not in time.
func (d *Desk) AskAndWait(ctx context.Context, a Asking) (*Entry, error) {
	e, call, err := d.ask(ctx, a)
	if err != nil {
		return nil, err
	}
	select {
	case <-call():
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the answer to %s: %w", e.Key, ctx.Err())
	}
	now, ok, err := d.Get(ctx, e.Key)
	if err == nil && !ok {
		err = ingest.ErrUnavailable // it was here a moment ago
	}
	if err != nil {
		return nil, err
	}
	now.Lost = e.Lost
	return now, nil
}

// ask makes a command durable; call has it called, and must be called.
func (d *Desk) ask(ctx context.Context, a Asking) (e *Entry, call func() <-chan struct{}, err error) {
	to, err := d.Connected(a.CPO)
	if err != nil {
		return nil, nil, err
	}
	if a.ID == "" {
		a.ID = NewID()
	}
	if err := d.mayStop(ctx, &a, to.Peer.Version); err != nil {
		return nil, nil, err
	}
	key := ocpi.Key{Party: a.Party, ID: a.ID}
	r := d.request(&a)
	r.Unnamed = a.Command.Type == ocpi.StartSession && to.Peer.Version == ocpi.V211
	if a.Command.ReservationID != "" && to.Peer.Version == ocpi.V211 {
		if r.Reservation, err = d.reservation(ctx, a.CPO, a.Party, a.Command.ReservationID); err != nil {
			return nil, nil, err
		}
	}
	out, err := d.body(key, &r, to.Peer.Version)
	if err != nil { // before anything is written
		return nil, nil, err
	}
	asked, err := d.mayAsk(&a, &r)
	if err != nil {
		return nil, nil, err
	}
	defer asked() // by then it counts among those that are open
	if !d.calls.Take(to.ID, 1) {
		return nil, nil, fmt.Errorf("%w: too many commands to %s are under way", api.ErrBusy, a.CPO)
	}
	if err := d.append(ctx, key, a.Command.Version, a.Caller, objects.CommandRequested, r); err != nil {
		d.calls.Give(to.ID, 1)
		return nil, nil, err
	}
	call = func() <-chan struct{} { return d.start(key, to.ID) }
	e, ok, err := d.Get(ctx, key)
	if err == nil && !ok {
		err = ingest.ErrUnavailable
	}
	if err != nil {
		call() // it is in the log
		return nil, nil, fmt.Errorf("%w: read what was asked for: %w", ingest.ErrOutcomeUnknown, err)
	}
	e.Lost = out.Lost
	return e, call, nil
}

// mayStop refuses a STOP_SESSION for another's charge. A CPO of OCPI 2.1.1 is not told who
// asks: what is not known to be of who asks is refused, so that a refusal tells nothing of
// the Sessions of others. The error is an *ocpi.Invalid.
func (d *Desk) mayStop(ctx context.Context, a *Asking, v ocpi.Version) error {
	if a.Command.Type != ocpi.StopSession {
		return nil
	}
	key := ocpi.Key{Party: a.CPO, ID: ocpi.Fold(a.Command.SessionID)}
	s, ok, err := d.Objects.Get(ctx, ingest.Target{Object: ingest.ObjectSession, Key: key})
	if err != nil {
		return err
	}
	known := ok && !s.With.IsZero()
	if known && s.With == a.Party || !known && (v != ocpi.V211 || a.Of != "") {
		return nil
	}
	return &ocpi.Invalid{Fields: []ocpi.FieldError{{Path: "session_id", Reason: "no Session of this id of yours is known here"}}}
}

// request is what the log keeps of what is asked for.
func (d *Desk) request(a *Asking) objects.CommandRequest {
	c := a.Command
	r := objects.CommandRequest{
		Type: c.Type, Version: c.Version.String(), Via: a.Via, Caller: a.Caller, Partner: a.Partner, CPO: a.CPO.String(), Body: c.Raw,
		Location: c.LocationID, EVSE: c.EVSEUID, Connector: c.ConnectorID, SessionID: c.SessionID, Expiry: c.Expiry,
		Limits: a.Limits, Quote: a.Quote, Of: a.Of, Correlation: a.Correlation,
		AnswerWithin: int(d.AnswerTimeout / time.Second), SessionWithin: int(d.SessionTimeout / time.Second),
	}
	if c.Token != nil {
		r.TokenUID = ocpi.Text(c.Token, "uid")
		contract := "contract_id"
		if c.Version == ocpi.V211 {
			contract = "auth_id"
		}
		r.Contract = ocpi.Text(c.Token, contract)
	}
	return r
}

// body is what is sent to the CPO, in its version.
func (d *Desk) body(key ocpi.Key, r *objects.CommandRequest, to ocpi.Version) (out convert.Result, err error) {
	v, _ := ocpi.ParseVersion(r.Version)
	c, err := ocpi.ReadCommand(v, r.Type, r.Body)
	if err != nil {
		return out, fmt.Errorf("read command %s: %w", key, err)
	}
	cpo, _ := ocpi.ParseParty(r.CPO)
	at := d.resultURL(to, r.Type, key, cpo)
	if len(at) > ocpi.MaxResponseURL {
		return out, fmt.Errorf("the response_url %s is longer than %d characters: public_url must be shorter", at, ocpi.MaxResponseURL)
	}
	return convert.Command(c, to, convert.CommandChange{ResponseURL: at, Reservation: r.Reservation}, convert.Context{Owner: key.Party, At: ocpi.TimeOf(d.Now())})
}

// append writes a record of a command, and returns when this process has folded it. The
// error is that of the append, or an ingest.ErrOutcomeUnknown.
func (d *Desk) append(ctx context.Context, key ocpi.Key, v ocpi.Version, sender, what string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("write %s of command %s: %w", what, key, err)
	}
	e := ingest.Envelope{Object: ingest.ObjectCommand, Method: ingest.MethodPost, Version: v, Sender: sender, Key: key, Path: what, Received: ocpi.TimeOf(d.Now())}
	at, err := d.Log.Append(ctx, ingest.TopicCommands, &e, text)
	if err != nil {
		return fmt.Errorf("append %s of command %s: %w", what, key, err)
	}
	if err := d.Objects.Wait(ctx, ingest.TopicCommands, at); err != nil {
		return fmt.Errorf("%w: the record is durable but not yet visible: %w", ingest.ErrOutcomeUnknown, err)
	}
	return nil
}

// note is append of something about a command that is known.
func (d *Desk) note(ctx context.Context, e *Entry, sender, what string, body any) error {
	return d.append(ctx, e.Key, e.State.Version, sender, what, body)
}

// Note appends a record about a command and returns it as it stands then.
func (d *Desk) Note(ctx context.Context, e *Entry, sender, what string, body any) (*Entry, error) {
	if err := d.note(ctx, e, sender, what, body); err != nil {
		return nil, err
	}
	now, ok, err := d.Get(ctx, e.Key)
	if err == nil && !ok {
		err = ingest.ErrUnavailable
	}
	return now, err
}

// Preferred notes what a driver prefers for a Session, and what its CPO answered, where the
// charge was asked for by an app of the eMSP; by is who sent it.
func (d *Desk) Preferred(ctx context.Context, session ocpi.Key, emsp ocpi.Party, by string, p objects.CommandPreference) error {
	of, ok, err := d.point(ctx, Name(session.Party, "IL", session.ID))
	id, own := strings.CutPrefix(of.To, emsp.String()+"*")
	if err != nil || !ok || !own {
		return err
	}
	e, ok, err := d.Get(ctx, ocpi.Key{Party: emsp, ID: id})
	if err != nil || !ok {
		return err
	}
	return d.note(ctx, e, by, objects.CommandPreferences, p)
}

// Point has a name stand for something, unless it stands for something already, and
// returns what it stands for.
func (d *Desk) Point(ctx context.Context, name ocpi.Key, p objects.CommandPoint) (objects.CommandPoint, error) {
	stands, ok, err := d.point(ctx, name)
	if err != nil || ok {
		return stands, err
	}
	return d.rename(ctx, name, p)
}

// rename is Point that lets what the name stands for already do so for longer.
func (d *Desk) rename(ctx context.Context, name ocpi.Key, p objects.CommandPoint) (stands objects.CommandPoint, err error) {
	if err := d.append(ctx, name, ocpi.V221, "", objects.CommandPointer, p); err != nil {
		return stands, err
	}
	stands, ok, err := d.point(ctx, name)
	if err == nil && !ok {
		err = fmt.Errorf("%w: what %s stands for", ingest.ErrUnavailable, name)
	}
	return stands, err
}

// point returns what a name stands for now.
func (d *Desk) point(ctx context.Context, name ocpi.Key) (p objects.CommandPoint, ok bool, err error) {
	s, ok, err := d.Objects.Get(ctx, Target(name))
	if err != nil || !ok {
		return p, false, err
	}
	c, err := objects.ReadCommand(&s)
	if err != nil {
		return p, false, err
	}
	if c.Point == nil {
		return p, false, fmt.Errorf("%s is a command, and no name", name)
	}
	if c.Point.Ended(ocpi.TimeOf(d.Now())) {
		return p, false, nil
	}
	return *c.Point, true, nil
}
