package convert

import (
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// value makes a rule of a function from a value's text to another. It is not asked
// where the target has no such member; keep is false where the value cannot be handed
// on, which the function has told.
func value(f func(c *conversion, text string) (converted string, keep bool)) rule {
	return func(c *conversion, x *exchange, m ocpi.RawMember, name string) {
		if name == "" {
			c.plain(x, m, name)
			return
		}
		c.enter(m.Name)
		text, keep := f(c, m.Value)
		c.leave()
		if keep {
			x.put(m, name, text)
		}
	}
}

// each makes a rule of a function that is asked about each element of a list; a value
// in the place of a list is its only element, as the Decoder reads it.
func each(f func(c *conversion, text string) (converted string, keep bool)) rule {
	return value(func(c *conversion, text string) (string, bool) { return c.each(text, f) })
}

func (c *conversion) each(text string, f func(c *conversion, text string) (string, bool)) (string, bool) {
	if text[0] != '[' {
		return f(c, text)
	}
	elements, err := ocpi.SplitArray(text, "")
	if err != nil {
		c.refuse("", err.Error())
		return "", true
	}
	kept := make([]string, 0, len(elements))
	for i, e := range elements {
		c.element(i)
		if converted, keep := f(c, e); keep {
			kept = append(kept, converted)
		}
	}
	c.element(-1)
	if slices.Equal(kept, elements) {
		return text, true
	}
	return ocpi.JoinArray(kept), true
}

// nested converts the object or the objects of a member by a class; what is none is
// handed on for its reader to judge.
func nested(k *class) rule {
	return each(func(c *conversion, text string) (string, bool) {
		if text[0] != '{' {
			return text, true
		}
		return c.object(k, text)
	})
}

// objectOf takes a value apart that should be an object, or is an array of one, as the
// Decoder reads it; nil where it is neither.
func objectOf(text string) ocpi.RawObject {
	if text != "" && text[0] == '[' {
		if elements, err := ocpi.SplitArray(text, ""); err == nil && len(elements) == 1 {
			text = elements[0]
		}
	}
	if text == "" || text[0] != '{' {
		return nil
	}
	o, err := ocpi.SplitText(text)
	if err != nil {
		return nil // not reached: the text is part of a valid one
	}
	return o
}

// truth reads a boolean as the Decoder does: also in quotes, as yes and no, 1 and 0.
// ok is false where it cannot be read.
func truth(text string) (b, ok bool) {
	switch strings.ToLower(strings.Trim(text, "\" ")) {
	case "true", "yes", "1":
		return true, true
	case "false", "no", "0", "":
		return false, true
	}
	return false, false
}

// shorten cuts a text that nobody computes with to what the target holds.
func shorten(limit int) rule {
	return value(func(c *conversion, text string) (string, bool) {
		r := []rune(ocpi.RawText(text))
		if !c.down() || len(r) <= limit {
			return text, true
		}
		c.lose("", "cut to what OCPI "+c.to.String()+" holds")
		return quote(string(r[:limit])), true
	})
}

// owner is a member that says whose object it is, which 2.1.1 leaves to the connection.
func owner(of func(ocpi.Party) string) rule {
	return func(c *conversion, x *exchange, m ocpi.RawMember, name string) {
		if name == "" && ocpi.Fold(ocpi.RawText(m.Value)) == of(c.ctx.Owner) {
			return
		}
		c.plain(x, m, name)
	}
}

var (
	ownerCountry = owner(func(p ocpi.Party) string { return p.Country })
	ownerParty   = owner(func(p ocpi.Party) string { return p.ID })
)

// addOwner says whose object a body of 2.1.1 is.
func addOwner(c *conversion, x *exchange) {
	if !c.up() {
		return
	}
	if c.ctx.Owner.IsZero() {
		c.refuse("party_id", "OCPI 2.1.1 does not say whose object it is, and the connection does not either")
		return
	}
	x.add("country_code", quote(c.ctx.Owner.Country))
	x.add("party_id", quote(c.ctx.Owner.ID))
}
