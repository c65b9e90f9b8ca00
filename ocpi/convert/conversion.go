package convert

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/roamclear/roamclear/ocpi"
)

// conversion is one object on its way to another version.
type conversion struct {
	from, to ocpi.Version
	ctx      Context
	at       ocpi.Time // see Context.At
	path     ocpi.Path
	lost     []Loss
	more     bool // losses that are not listed
	refused  *Refused
	tax      taxation // of the Tariff that is being converted
}

// maxLost bounds the losses that are listed of one object.
const maxLost = 1000

// exchange is an object that is being converted.
type exchange struct {
	text    string // as sent
	in, out ocpi.RawObject
	omit    bool // the object is to be left out of what holds it; why has been told
}

// same reports whether the members are the very ones that were sent.
func (x *exchange) same() bool {
	if len(x.in) != len(x.out) {
		return false
	}
	for i := range x.in {
		if x.in[i] != x.out[i] {
			return false
		}
	}
	return true
}

// put hands a member on under a name of the target, with a text.
func (x *exchange) put(m ocpi.RawMember, name, text string) {
	if name != m.Name {
		x.out = append(x.out, ocpi.NewRawMember(name, text))
		return
	}
	m.Value = text
	x.out = append(x.out, m)
}

// add adds a member that was not sent.
func (x *exchange) add(name, text string) { x.out = append(x.out, ocpi.NewRawMember(name, text)) }

// has reports whether a member is handed out that is not null.
func (x *exchange) has(name string) bool { return x.out.Value(name) != "" }

// object converts an object of a class, whose text is known to be valid. ok is false
// where it is to be left out.
func (c *conversion) object(k *class, text string) (converted string, ok bool) {
	in, err := ocpi.SplitText(text)
	if err != nil {
		c.refuse("", err.Error())
		return "", true
	}
	x := &exchange{text: text, in: in, out: make(ocpi.RawObject, 0, len(in)+4)}
	if k.begin != nil {
		k.begin(c, x)
	}
	for _, m := range in {
		c.member(k, x, m)
	}
	if k.end != nil {
		k.end(c, x)
	}
	if x.same() {
		return text, !x.omit
	}
	return string(x.out.Bytes()), !x.omit
}

// member converts one member.
func (c *conversion) member(k *class, x *exchange, m ocpi.RawMember) {
	f := k.by[c.from][m.Name]
	switch {
	case f == nil && k.by[c.to][m.Name] == nil:
		x.put(m, m.Name, m.Value)
	case m.Value == "null": // absent
		if f != nil && f.in[c.to] == m.Name {
			x.put(m, m.Name, m.Value)
		}
	case f == nil:
		c.foreign(x, m)
	case f.rule == nil:
		c.plain(x, m, f.in[c.to])
	default:
		f.rule(c, x, m, f.in[c.to])
	}
}

// foreign leaves out what the body's version does not know and the target gives a
// meaning, unless it says what is handed out in any case.
func (c *conversion) foreign(x *exchange, m ocpi.RawMember) {
	if ocpi.Fold(x.out.Value(m.Name)) != ocpi.Fold(m.Value) {
		c.lose(m.Name, "unknown to OCPI "+c.from.String()+", and OCPI "+c.to.String()+" means something by the name")
	}
}

// plain hands a member on under its name in the target, which may have none.
func (c *conversion) plain(x *exchange, m ocpi.RawMember, name string) {
	if name == "" {
		c.lose(m.Name, "OCPI "+c.to.String()+" has no such member")
		return
	}
	x.put(m, name, m.Value)
}

func (c *conversion) enter(name string) { c.path.Enter(name) }

func (c *conversion) leave() { c.path.Leave() }

// element says which element of an array is being converted.
func (c *conversion) element(i int) { c.path.At(i) }

// lose tells what the target cannot hold: a member of the current object, or the
// object itself where the name is "".
func (c *conversion) lose(name, reason string) {
	switch {
	case len(c.lost) < maxLost:
		c.lost = append(c.lost, Loss{c.path.To(name), reason})
	case !c.more:
		c.more = true
		c.lost = append(c.lost, Loss{"$", "more was lost than is listed"})
	}
}

// refuse ends the conversion: nothing is handed out.
func (c *conversion) refuse(name, reason string) {
	if c.refused == nil {
		c.refused = &Refused{c.path.To(name), reason}
	}
}

// fill adds a member that the target requires and nobody knows.
func (c *conversion) fill(x *exchange, name, text string) {
	x.add(name, text)
	c.lose(name, "OCPI "+c.to.String()+" requires it and it is not known: "+text)
}

// down reports whether the target is 2.1.1, up whether the body is of 2.1.1.
func (c *conversion) down() bool { return c.to == ocpi.V211 }

func (c *conversion) up() bool { return c.from == ocpi.V211 }

// quote returns the JSON text of a string.
func quote(s string) string {
	b, err := jsontext.AppendQuote(nil, s)
	if err != nil {
		return `""` // not UTF-8, which nothing is that has been read
	}
	return string(b)
}
