package hub

import (
	"context"
	"log/slog"
	"time"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ingest/messages"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// Partners finds the partner of an Authorization header. While Ready returns an
// error nobody can be told from a stranger: requests are answered 503.
type Partners interface {
	Registry
	Ready() error
	// Recognize finds it by how its token is written, over a connection with a client
	// certificate, nil for none; nil = nobody's. The error is that of a certificate.
	Recognize(authorization string, c *control.Certificate) (*control.Partner, control.Spelling, error)
	// Has reports whether a party is a partner's now, in any role.
	Has(party ocpi.Party) bool
	// NoteHeard notes that a partner has answered us.
	NoteHeard(id string)
	// Holder returns the partner that has a role.
	Holder(r control.Role) (*control.Partner, bool)
	// Hub returns the hub that a partner is, if it is believed to be one.
	Hub(p *control.Partner, ours ocpi.Party) (hub ocpi.Party, ok bool)
	// All returns all partners.
	All() []*control.Partner
	// Scope returns which objects of a kind a partner sees.
	Scope(viewer *control.Partner, what ingest.Object) control.Scope
	// Counterparts returns whom a partner may exchange anything with.
	Counterparts(viewer *control.Partner) []control.Counterpart
	// Presence returns what a partner's connection is.
	Presence(p *control.Partner, now ocpi.Time) control.Presence
}

// Intake accepts pushes. The body belongs to the Intake until it returns.
// Errors: *ocpi.SyntaxError (answered 400), *ocpi.Invalid (200 and 2001),
// ingest.ErrOverload and ingest.ErrOutcomeUnknown (503 with Retry-After),
// ingest.ErrUnknownObject (404).
type Intake interface {
	CDR(ctx context.Context, from ingest.Sender, v ocpi.Version, body []byte) (ingest.Receipt, error)
	Put(ctx context.Context, from ingest.Sender, v ocpi.Version, t ingest.Target, body []byte) (ingest.Receipt, error)
	Patch(ctx context.Context, from ingest.Sender, v ocpi.Version, t ingest.Target, body []byte) (ingest.Receipt, error)
	Delete(ctx context.Context, from ingest.Sender, v ocpi.Version, t ingest.Target) (ingest.Receipt, error)
	// Refuse keeps a body, or its beginning, that is refused for a reason, and
	// returns the reason, or why it could not be kept.
	Refuse(ctx context.Context, from ingest.Sender, v ocpi.Version, m ingest.Method, t ingest.Target, body []byte, reason error) error
}

// Objects reads the client-owned objects as they stand: an objects.Follower. It
// is asked for whole objects: Path is "".
type Objects interface {
	Get(ctx context.Context, t ingest.Target) (s ingest.ObjectState, ok bool, err error)
	// Find returns those of some objects that there are.
	Find(ctx context.Context, ids []ingest.Identity) ([]ingest.ObjectState, error)
}

// CDRSource reads single CDRs: a settlement.Source. Errors:
// settlement.ErrNotFound only when the store has everything that was in the log
// when it was asked, settlement.ErrNotYet when it does not and lacks the CDR,
// settlement.ErrUnavailable.
type CDRSource interface {
	CDR(ctx context.Context, key ocpi.Key) (raw []byte, version ocpi.Version, err error)
	// First is CDR of what the store has: settlement.ErrNotFound where that is
	// nothing, whatever is on its way.
	First(ctx context.Context, key ocpi.Key) (raw []byte, version ocpi.Version, err error)
}

// Notes keeps what we note ourselves beside what partners own: an *ingest.Service.
// What is noted is durable when Annotate returns. Errors as those of an [Intake].
type Notes interface {
	Annotate(ctx context.Context, a ingest.Annotation) error
}

// Lists reads pages of lists: a settlement.Lists.
type Lists interface {
	// Await returns when lists of a kind hold what was acknowledged before.
	Await(ctx context.Context, o ingest.Object, strict bool) error
	settlement.ListStore
}

// Known answers what a body lacks that is handed out in another OCPI version, see
// convert.Context.
type Known struct {
	Token func(contractID string, at ocpi.Time) (ocpi.CDRToken, bool) // by what is known now
	// Issuer returns the party whose contract an id says it is.
	Issuer func(contractID string) (ocpi.Party, bool)
	Zone   func(country string) string
	// Charges completes CDRs and Sessions with what was in force when they began: a
	// settlement.Charges. nil: nothing is known of that.
	Charges func(ctx context.Context, charges []*settlement.Charge) error
}

// DefaultParty is who we are where nothing else is said.
var DefaultParty = ocpi.Party{Country: "ZZ", ID: "RCH"}

// Bounds that hold when Deps leaves them 0.
const (
	DefaultMaxInFlight = 4096
	maxPage            = 500 // items in a page, also when no limit is asked for
)

// Deps is what a Server works with.
type Deps struct {
	Partners  Partners
	Intake    Intake
	Objects   Objects
	CDRs      CDRSource
	Lists     Lists
	Commands  Commands      // nil = none are taken
	Tally     *ingest.Tally // of findings; nil = none are counted
	Metrics   *api.Metrics
	Logger    *slog.Logger
	Callback  Callback        // asks who registers what it offers
	Forwarder Forwarder       // calls partners with what others send them; nil = nothing is forwarded
	Notes     Notes           // nil = nothing is noted
	Sealer    *control.Sealer // of the tokens that it gives us
	Party     ocpi.Party      // our own; the zero value = DefaultParty
	Name      string          // our own, in credentials; "" = "roamclear"
	Known     Known           // what conversions ask for; nil functions know nothing
	PublicURL string          // such as "https://roam.example": "" = as the request's Host says
	Limits    ingest.Limits   // of bodies; zero = ingest.DefaultLimits
	InFlight  int             // requests under way at once; 0 = DefaultMaxInFlight
	Turns     *api.Turns      // of pushes; nil = NewTurns()
	// AuthorizeWithin is how long an eMSP may take to authorize a Token; 0 =
	// DefaultAuthorizeWithin.
	AuthorizeWithin time.Duration
	Hold            time.Duration    // a request beyond its partner's share is answered only then; 0 = 1 s
	Pace            api.Pace         // of lists and large objects
	Now             func() time.Time // nil = the system clock
	Messages        *messages.Log    // of what is exchanged; nil = none is kept
}
