package lint

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// componentWords are what components charge for, and by what.
var componentWords = map[string][2]string{
	`"ENERGY"`: {"energy", " per kWh"}, `"TIME"`: {"charging time", " per hour"},
	`"PARKING_TIME"`: {"parking", " per hour"}, `"FLAT"`: {"start fee", ""},
}

// words says a change as people would.
func (d *differ) words(c *Change, a, b *node) string {
	path, side := c.NewPath, 1
	if path == "" {
		path, side = c.OldPath, 0
	}
	name := path[strings.LastIndexByte(path, '.')+1:]
	when := d.when(side, path)
	switch c.Kind {
	case ChangePrice, ChangeVAT, ChangeStep:
		what, per := d.component(side, path)
		switch c.Kind {
		case ChangeVAT:
			return "VAT on " + what + fromTo(c, " %") + when
		case ChangeStep:
			unit := " seconds"
			if what == "energy" {
				unit = " Wh"
			}
			return "steps of " + what + fromTo(c, unit) + when
		}
		if c.By.IsSet() {
			return what + " " + signed(c.By) + per + " (" + shown(c.Old) + " to " + shown(c.New) + ")" + when
		}
		return "price of " + what + per + fromTo(c, "") + when
	case ChangeComponent, ChangeElement:
		n, verb := b, "added: "
		if n == nil {
			n, verb = a, "removed: "
		}
		if prices := listed(n); prices != "" {
			return verb + prices + when
		}
		return strings.TrimSuffix(verb, ": ") + ": " + path
	case ChangeLimit:
		limit := "at least per session"
		if strings.HasPrefix(path, "max") {
			limit = "at most per session"
		}
		switch name {
		case "excl_vat", "before_taxes":
			limit += ", before tax"
		case "incl_vat", "after_taxes":
			limit += ", after tax"
		}
		return limit + fromTo(c, "")
	case ChangeRestriction:
		return name + fromTo(c, "") + " of " + d.pricesAt(side, path)
	case ChangeValidity:
		return map[string]string{"start_date_time": "valid from", "end_date_time": "valid until"}[name] + fromTo(c, "")
	}
	return path + fromTo(c, "")
}

// fromTo writes the values of a change, cut to what fits a line.
func fromTo(c *Change, unit string) string {
	write := func(s string) string {
		if s == "" {
			return "none"
		}
		return shown(s) + unit
	}
	return " " + write(c.Old) + " to " + write(c.New)
}

// maxShown bounds a value in words, in bytes.
const maxShown = 80

// shown is a value without its quotes.
func shown(s string) string {
	if text, err := strconv.Unquote(s); err == nil {
		s = text
	}
	if len(s) > maxShown {
		s = strings.ToValidUTF8(s[:maxShown], "") + "…"
	}
	return s
}

func signed(n ocpi.Number) string {
	if n.Sign() > 0 {
		return "+" + n.Shortest().String()
	}
	return n.Shortest().String()
}

// indexes reads the numbers of "elements[1].price_components[2]", -1 where one is missing.
func indexes(path string) (element, component int) {
	element, component = -1, -1
	if _, err := fmt.Sscanf(path, "elements[%d].price_components[%d]", &element, &component); err != nil && element < 0 {
		_, _ = fmt.Sscanf(path, "elements[%d]", &element)
	}
	return element, component
}

// elementNode is the element that a path leads into, nil for none.
func (d *differ) elementNode(side int, path string) *node {
	i, _ := indexes(path)
	items := d.roots[side].member("elements").items()
	if i < 0 || i >= len(items) {
		return nil
	}
	return &items[i]
}

// component says what the component that a path leads into charges for.
func (d *differ) component(side int, path string) (what, per string) {
	_, j := indexes(path)
	items := d.elementNode(side, path).member("price_components").items()
	if j < 0 || j >= len(items) {
		return "a price", ""
	}
	key := componentKey(&items[j])
	if w, ok := componentWords[key]; ok {
		return w[0], w[1]
	}
	return shown(key), ""
}

// when says when the element that a path leads into applies, "" where always or unknown.
func (d *differ) when(side int, path string) string {
	i, _ := indexes(path)
	s := &d.sides[side]
	if i < 0 || s.space == nil || i >= len(s.tariff.Elements) || len(d.roots[side].member("elements").items()) != len(s.tariff.Elements) {
		return ""
	}
	r := &s.tariff.Elements[i].Restrictions
	b := s.space.box(r)
	text := s.space.text(&b)
	switch r.Reservation {
	case ocpi.Reservation:
		text = strings.TrimSuffix("of a reservation, "+text, ", ")
	case ocpi.ReservationExpires:
		text = strings.TrimSuffix("of a reservation that expires, "+text, ", ")
	}
	if text == "" {
		return ""
	}
	return ", " + text
}

// pricesAt says what the element that a path leads into charges.
func (d *differ) pricesAt(side int, path string) string {
	if prices := listed(d.elementNode(side, path)); prices != "" {
		return prices
	}
	return "an element"
}

// listed writes the prices of an element, or of one component.
func listed(n *node) string {
	items := n.member("price_components").items()
	if n.member("type") != nil {
		items = []node{*n}
	}
	var parts []string
	for i := range items {
		key := componentKey(&items[i])
		w, ok := componentWords[key]
		if !ok {
			w[0] = shown(key)
		}
		price := "?"
		if p := items[i].member("price"); p != nil {
			price = shown(canonical(p))
		}
		parts = append(parts, w[0]+" "+price+w[1])
	}
	return strings.Join(parts, ", ")
}
