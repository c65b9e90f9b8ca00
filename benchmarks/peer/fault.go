package peer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// Fault is one way in which a peer misbehaves.
type Fault string

// None is the fault of who has none.
const None Fault = ""

// Faults of what a peer shows in its lists.
const (
	Slow      Fault = "slow"      // every answer takes two seconds
	Failing   Fault = "500"       // every list is answered HTTP 500
	Half      Fault = "half"      // the first answer to each page breaks off in its middle
	Busy      Fault = "429"       // the first answer to each page is HTTP 429, to come back in a second
	Refusing  Fault = "3000"      // every list is answered HTTP 200 with OCPI 3000
	Ending    Fault = "401"       // once registered, no token opens a module (mod_credentials: the token that was exchanged does)
	HTML      Fault = "html"      // every list is answered HTTP 200 with a page of HTML, as a proxy does
	Redirect  Fault = "redirect"  // every list is answered HTTP 302, to another host
	Dead      Fault = "dead"      // every list is asked for in vain: no answer comes
	Repeat    Fault = "repeat"    // each page links to itself, and never further
	Loop      Fault = "loop"      // the second page links back to the first
	Elsewhere Fault = "elsewhere" // pages link to another host
	Unlinked  Fault = "unlinked"  // pages have no Link header (transport, "Paginated response": required unless it is the last)
	Unpaged   Fault = "unpaged"   // offset and limit are not looked at: every page is the whole list
	Total     Fault = "total"     // X-Total-Count is three times what there is
	Unsorted  Fault = "unsorted"  // newest first (transport, "Paginated response": oldest first)
	Doubled   Fault = "doubled"   // each object stands twice in its list
	Shrinking Fault = "shrink"    // all readings of a list but the first lack its last object
	Broken    Fault = "broken"    // the first object of each page is no JSON: it has a NaN
	Lacking   Fault = "lacking"   // the first object of each page has no id, a Token no uid
	Zone      Fault = "zone"      // times without the Z that says that they are UTC (types, "DateTime": it may be left out)
	Null      Fault = "null"      // optional members that have no value are null
	Text      Fault = "text"      // numbers are text: "30.0" (types, "number": a number of JSON)
	Unknown   Fault = "unknown"   // objects have a member, and a value of an enum, that no version of OCPI has
)

// Faults of what becomes of what is pushed to a peer.
const (
	Refuse Fault = "refuse" // each push is answered OCPI 2001
	Lost   Fault = "lost"   // each push is taken, and the first time the connection breaks off without an answer
	Late   Fault = "late"   // each push is taken, and the first time no answer comes until its sender has given up
)

// Faults of what a CPO does with commands.
const (
	Silent       Fault = "silent"   // no response comes
	ResultLess   Fault = "noresult" // accepted, and no result is ever posted (mod_commands: one SHALL be, unless it is not accepted)
	ResultTwice  Fault = "twice"    // the result is posted twice
	ResultBefore Fault = "before"   // the result is posted before the response is written
)

// Group is what a fault is of.
type Group string

// Groups of faults.
const (
	Lists    Group = "lists"
	Pushes   Group = "pushes"
	Commands Group = "commands"
)

// Description says what a fault is, in words for who has a hub to test.
type Description struct {
	Fault Fault
	Group Group
	Does  string // what the peer does
	Hub   string // what a good hub does
}

// descriptions are all faults, in the order in which they are shown.
var descriptions = []Description{
	{Slow, Lists, "every answer takes two seconds", "waits, reads all"},
	{Failing, Lists, "every list is answered HTTP 500", "tries again later, says which lists it could not read"},
	{Half, Lists, "the first answer to each page breaks off in its middle", "asks for the page again, reads all"},
	{Busy, Lists, "the first answer to each page is HTTP 429, Retry-After: 1", "waits that long, reads all"},
	{Refusing, Lists, "every list is answered HTTP 200 with OCPI 3000", "takes it for a failure, says the code"},
	{Ending, Lists, "once registered, every module answers 401", "says so; does not ask on and on"},
	{HTML, Lists, "every list is answered HTTP 200 with a page of HTML", "takes it for a failure, not for an empty list"},
	{Redirect, Lists, "every list is answered HTTP 302, to another host", "sends its token nowhere else"},
	{Dead, Lists, "lists are never answered", "gives up after its own time; others go on meanwhile"},
	{Repeat, Lists, "each page links to itself", "reads all by what is counted, or says that it could not; ends"},
	{Loop, Lists, "the second page links back to the first", "reads all by what is counted, or says that it could not; ends"},
	{Elsewhere, Lists, "pages link to another host", "sends its token nowhere else; reads on at the partner's own host, or says why not"},
	{Unlinked, Lists, "pages have no Link", "goes on by X-Total-Count, reads all"},
	{Unpaged, Lists, "every page is the whole list", "reads each object once, ends"},
	{Total, Lists, "X-Total-Count is three times what there is", "reads all, ends; takes nothing for missing"},
	{Unsorted, Lists, "the newest object comes first", "reads all"},
	{Doubled, Lists, "each object stands twice in its list", "keeps each once"},
	{Shrinking, Lists, "all readings of a list but the first lack its last object", "says which one is missing; loses no CDR"},
	{Broken, Lists, "the first object of each page is no JSON (NaN)", "keeps all others, names what it refused"},
	{Lacking, Lists, "the first object of each page has no id", "keeps all others, names the field"},
	{Zone, Lists, "times without Z", "reads them as UTC"},
	{Null, Lists, "optional members are null", "reads all, as if they were left out"},
	{Text, Lists, "numbers are text", "reads them, and says so; or names the field"},
	{Unknown, Lists, "a member and a value of an enum that nobody knows", "reads all else, and says so; or names the field"},

	{Refuse, Pushes, "each push is answered OCPI 2001", "hands the refusal to the sender, keeps what it has"},
	{Lost, Pushes, "each push is taken; the first time the connection breaks off instead of an answer", "does not call it delivered; sent again, it is"},
	{Late, Pushes, "each push is taken; the first time no answer comes until its sender gives up", "says that it timed out (4002); sent again, it is delivered"},

	{Silent, Commands, "no response comes", "says so in the end; does not start twice"},
	{ResultLess, Commands, "accepted, and no result ever comes", "says so once the time-out of the response is over"},
	{ResultTwice, Commands, "the result comes twice", "hands on one, answers both"},
	{ResultBefore, Commands, "the result comes before the response", "takes it"},
}

// Descriptions returns all faults, by groups.
func Descriptions() []Description { return slices.Clone(descriptions) }

// Faults lists the names of the faults of some groups, of all where none is named.
func Faults(groups ...Group) []string {
	var names []string
	for _, d := range descriptions {
		if len(groups) == 0 || slices.Contains(groups, d.Group) {
			names = append(names, string(d.Fault))
		}
	}
	return names
}

// ParseFault reads the name of a fault; "" is none.
func ParseFault(name string) (Fault, error) {
	if name == "" || slices.Contains(Faults(), name) {
		return Fault(name), nil
	}
	return None, fmt.Errorf("fault %q: want one of %s", name, strings.Join(Faults(), ", "))
}

// elsewhere is a host that nobody has (RFC 2606).
const elsewhere = "https://elsewhere.invalid"

// misbehave does what the fault is instead of answering a page; false: the page
// is to be answered.
func (p *Peer) misbehave(w http.ResponseWriter, r *http.Request) bool {
	p.mu.Lock()
	p.asked[r.URL.RequestURI()]++
	first := p.asked[r.URL.RequestURI()] == 1
	p.mu.Unlock()
	switch fault := p.options.Fault; {
	case fault == Failing:
		reply(w, r, http.StatusInternalServerError, ocpi.StatusServerError, "out of order", nil)
	case fault == Refusing:
		reply(w, r, http.StatusOK, ocpi.StatusServerError, "out of order", nil)
	case fault == HTML:
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!doctype html><title>Maintenance</title><p>We are back soon.")) // nobody is left to tell
	case fault == Redirect:
		http.Redirect(w, r, elsewhere+r.URL.RequestURI(), http.StatusFound)
	case fault == Dead:
		<-r.Context().Done()
	case fault == Busy && first:
		w.Header().Set("Retry-After", "1")
		reply(w, r, http.StatusTooManyRequests, ocpi.StatusServerError, "later", nil)
	case fault == Half && first:
		const all, half = "1000", `{"data":[{"id":"`
		w.Header().Set("Content-Length", all)
		_, _ = w.Write([]byte(half)) // net/http breaks the connection: the rest never comes
	default:
		return false
	}
	return true
}

// shown is a list as the fault has it. A reading begins with the first page.
func (p *Peer) shown(module string, list []json.RawMessage, begins bool) []json.RawMessage {
	p.mu.Lock()
	if begins {
		p.readings[module]++
	}
	again := p.readings[module] > 1
	p.mu.Unlock()
	switch p.options.Fault {
	case Unsorted:
		slices.Reverse(list)
	case Doubled:
		var twice []json.RawMessage
		for _, body := range list {
			twice = append(twice, body, body)
		}
		return twice
	case Shrinking:
		if again && len(list) > 0 {
			return list[:len(list)-1]
		}
	}
	return list
}

var utc = regexp.MustCompile(`(T\d\d:\d\d:\d\d)Z"`)

// optional are members that objects may have, and those of the peer have not, in all
// versions of OCPI.
var optional = map[string][]string{
	"locations": {"directions", "operator", "opening_times"}, "tariffs": {"tariff_alt_url", "energy_mix"}, "tokens": {"visual_number", "language"},
	"sessions": {"meter_id"}, "cdrs": {"meter_id", "remark"},
}

// enums are members whose values are those of an enum, in all versions.
var enums = map[string]string{"locations": "status", "tariffs": "type", "tokens": "whitelist", "sessions": "auth_method", "cdrs": "auth_method"}

// spoiled is an object as the fault has it; first on its page.
func (p *Peer) spoiled(module string, body json.RawMessage, first bool) []byte {
	switch fault := p.options.Fault; {
	case fault == Broken && first:
		return slices.Concat([]byte(`{"kwh":NaN,`), body[1:])
	case fault == Lacking && first:
		return without(body, "id", "uid")
	case fault == Zone:
		return utc.ReplaceAll(body, []byte(`$1"`))
	case fault == Null:
		for _, name := range optional[module] {
			body = slices.Concat([]byte(`{"`+name+`":null,`), body[1:])
		}
		return body
	case fault == Text:
		return numbersAsText(body)
	case fault == Unknown:
		strange := []byte(`"` + enums[module] + `":"SOMETHING_NEW"`)
		if module == "tariffs" { // which have none yet
			body = slices.Concat([]byte("{"), strange, []byte(","), body[1:])
		} else {
			body = regexp.MustCompile(`"`+enums[module]+`":"[A-Z_]*"`).ReplaceAll(body, strange)
		}
		return slices.Concat([]byte(`{"vendor":{"of":[1,"x"]},`), body[1:])
	}
	return body
}

// without is an object without some members.
func without(body []byte, names ...string) []byte {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		panic(err) // our own objects
	}
	for _, name := range names {
		delete(members, name)
	}
	written, err := json.Marshal(members)
	if err != nil {
		panic(err) // as above
	}
	return written
}

// numbersAsText writes an object's numbers as text.
func numbersAsText(body []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var o any
	if err := d.Decode(&o); err != nil {
		panic(err) // our own objects
	}
	var text func(v any) any
	text = func(v any) any {
		switch v := v.(type) {
		case json.Number:
			return v.String()
		case map[string]any:
			for name, member := range v {
				v[name] = text(member)
			}
		case []any:
			for i, element := range v {
				v[i] = text(element)
			}
		}
		return v
	}
	written, err := json.Marshal(text(o))
	if err != nil {
		panic(err) // as above
	}
	return written
}
