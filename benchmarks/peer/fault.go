package peer

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// Fault is one way in which a peer's lists misbehave.
type Fault string

// Faults.
const (
	None    Fault = ""
	Slow    Fault = "slow"   // every answer takes two seconds
	Failing Fault = "500"    // every list is answered HTTP 500
	Half    Fault = "half"   // the first answer to each page breaks off in its middle
	Repeat  Fault = "repeat" // each page links to itself, and never further
	Busy    Fault = "429"    // the first answer to each page is HTTP 429, to come back in a second
	Total   Fault = "total"  // X-Total-Count is three times what there is
)

var faults = []Fault{Slow, Failing, Half, Repeat, Busy, Total}

// Faults lists the names of all faults.
func Faults() []string {
	names := make([]string, len(faults))
	for i, f := range faults {
		names[i] = string(f)
	}
	return names
}

// ParseFault reads the name of a fault; "" is none.
func ParseFault(name string) (Fault, error) {
	if f := Fault(name); f == None || slices.Contains(faults, f) {
		return f, nil
	}
	return None, fmt.Errorf("fault %q: want one of %s", name, strings.Join(Faults(), ", "))
}

// misbehave does what the fault is instead of answering a page; false: the page
// is to be answered.
func (p *Peer) misbehave(w http.ResponseWriter, r *http.Request) bool {
	p.mu.Lock()
	p.asked[r.URL.RequestURI()]++
	first := p.asked[r.URL.RequestURI()] == 1
	p.mu.Unlock()
	switch {
	case p.options.Fault == Failing:
		reply(w, r, http.StatusInternalServerError, ocpi.StatusServerError, "out of order", nil)
	case p.options.Fault == Busy && first:
		w.Header().Set("Retry-After", "1")
		reply(w, r, http.StatusTooManyRequests, ocpi.StatusServerError, "later", nil)
	case p.options.Fault == Half && first:
		const all, half = "1000", `{"data":[{"id":"`
		w.Header().Set("Content-Length", all)
		_, _ = w.Write([]byte(half)) // net/http breaks the connection: the rest never comes
	default:
		return false
	}
	return true
}
