package peer

import (
	"cmp"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// Roles that a peer can have.
const (
	CPO  = "CPO"
	EMSP = "EMSP"
)

// Options say what party to be.
type Options struct {
	Role    string // CPO or EMSP
	Party   ocpi.Party
	Also    []ocpi.Party // further parties on the same connection
	ByParty bool         // lists hold what is of the party in OCPI-to alone, where it is one of these
	Version ocpi.Version
	Fault   Fault         // how it misbehaves
	Delay   time.Duration // of a Slow peer's answers; 0 = 2 s
	Page    int           // objects in a page at most; 0 = 10
	Now     time.Time     // what its objects were updated before; zero = now
	// Power is what a CPO's plugs give, in watts: they are DC plugs then, and what is
	// delivered follows from the time, see Grow. 0 = plugs of 22 kW that deliver what
	// Deliver says.
	Power int64
	// NoHistory leaves out the Sessions and CDRs of before.
	NoHistory bool
	Series    string      // stands in the ids of charges, so that they are new ones
	TLS       *tls.Config // how the other side is known over https; nil = as the system has it
}

// Peer is the party. It serves HTTP below the URL that SetURL names.
type Peer struct {
	options Options
	mux     *http.ServeMux
	client  *http.Client        // calls the other side; it knows no policy of URLs: it is a test's
	turns   [256]sync.Mutex     // of charges, see turn
	lists   map[string][]object // by module

	mu        sync.Mutex // guards what follows
	url       string
	tokenA    string          // "" once it is used up
	accepted  map[string]bool // tokens that open everything
	outgoing  registration    // how we call the other side
	received  map[string]Received
	asked     map[string]int // answers to each list's URL, for faults
	readings  map[string]int // of each list that began, for faults
	requests  []Request      // see Requests
	interfere func(w http.ResponseWriter, r *http.Request) bool
	commands
}

// commands are what a peer knows of commands and of the charges that they started.
type commands struct {
	plans     map[string]Plan // by type
	commanded []Commanded
	charges   map[string]*Charge
	charged   int     // charges that began
	failures  []error // the first maxFailures
	going     sync.WaitGroup
}

// registration is how the other side is called.
type registration struct {
	token     string
	endpoints []ocpi.Endpoint
	roles     []byte // its credentials, as they came
}

// Received is one object that was sent to the peer, as it stands.
type Received struct {
	Method string // of the last request
	Path   string // below the module's endpoint, with the module
	Body   []byte
}

// New returns a peer.
func New(o Options) (*Peer, error) {
	if o.Role != CPO && o.Role != EMSP {
		return nil, fmt.Errorf("role %q: want %s or %s", o.Role, CPO, EMSP)
	}
	if o.Party.Country == "" || o.Party.ID == "" {
		return nil, fmt.Errorf("party %q: want a country and an id", o.Party)
	}
	o.Page, o.Delay = cmp.Or(o.Page, 10), cmp.Or(o.Delay, 2*time.Second)
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	p := &Peer{
		options: o, client: newClient(o.TLS), mux: http.NewServeMux(), lists: map[string][]object{}, tokenA: rand.Text(),
		accepted: map[string]bool{}, received: map[string]Received{}, asked: map[string]int{}, readings: map[string]int{},
		commands: commands{plans: map[string]Plan{}, charges: map[string]*Charge{}},
	}
	for _, party := range p.parties() {
		w := world{party: party, version: o.Version, now: o.Now.UTC().Truncate(time.Hour), power: o.Power}
		for _, module := range p.sends() {
			if o.NoHistory && (module == "sessions" || module == "cdrs") {
				continue
			}
			p.lists[module] = append(p.lists[module], w.list(module)...)
		}
	}
	p.routes()
	return p, nil
}

func (p *Peer) parties() []ocpi.Party {
	return append([]ocpi.Party{p.options.Party}, p.options.Also...)
}

// SetURL says where the peer is served, such as "http://127.0.0.1:8090".
func (p *Peer) SetURL(base string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.url = strings.TrimRight(base, "/")
}

// VersionsURL is where the other side finds everything.
func (p *Peer) VersionsURL() string { return p.at("/versions") }

// TokenA is what the other side may register with, "" once it has.
func (p *Peer) TokenA() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tokenA
}

// Registered reports whether the handshake was done, from whichever side.
func (p *Peer) Registered() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.outgoing.token != ""
}

// Received returns what the other side sent, ordered by path.
func (p *Peer) Received() []Received {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]Received, 0, len(p.received))
	for _, r := range p.received {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b Received) int { return cmp.Compare(a.Path, b.Path) })
	return list
}

// Objects returns how many objects a module's list has.
func (p *Peer) Objects(module string) int { return len(p.lists[module]) }

// ServeHTTP implements http.Handler.
func (p *Peer) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

// at is a URL below the peer's prefix.
func (p *Peer) at(path string) string { return p.on("", path) }

// on is at on another host, such as "https://other.example"; "" = on its own.
func (p *Peer) on(host, path string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return cmp.Or(host, p.url) + "/ocpi" + path
}

func (p *Peer) version() string { return "/" + p.options.Version.String() }

// sends are the modules whose objects are the peer's own, takes those that it is
// sent (OCPI 2.2.1 version_information, "Typical implementations").
func (p *Peer) sends() []string {
	if p.options.Role == EMSP {
		return []string{"tokens"}
	}
	return []string{"locations", "tariffs", "sessions", "cdrs"}
}

func (p *Peer) takes() []string {
	modules := []string{"tokens"}
	if p.options.Role == EMSP {
		modules = []string{"locations", "tariffs", "sessions", "cdrs"}
	}
	if p.options.Version != ocpi.V211 {
		modules = append(modules, "hubclientinfo")
	}
	return modules
}

// base is the path of a module on one of its sides; 2.1.1 has no sides.
func (p *Peer) base(side, module string) string {
	if p.options.Version == ocpi.V211 {
		return p.version() + "/" + module
	}
	return p.version() + "/" + side + "/" + module
}

// authorization is a token as this version writes it (2.2.1 transport,
// "Authorization header": in Base64, which 2.1.1 does not know).
func (p *Peer) authorization(token string) string {
	if p.options.Version != ocpi.V211 {
		token = base64.StdEncoding.EncodeToString([]byte(token))
	}
	return "Token " + token
}
