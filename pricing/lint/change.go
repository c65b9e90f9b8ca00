package lint

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// ChangeKind says what of a tariff changed.
type ChangeKind string

// What of a tariff changes.
const (
	ChangePrice       ChangeKind = "price"       // of a price component
	ChangeVAT         ChangeKind = "vat"         // of a price component
	ChangeStep        ChangeKind = "step_size"   // of a price component
	ChangeLimit       ChangeKind = "limit"       // min_price, max_price
	ChangeRestriction ChangeKind = "restriction" // when an element applies
	ChangeComponent   ChangeKind = "component"   // one came or went
	ChangeElement     ChangeKind = "element"     // one came or went
	ChangeOrder       ChangeKind = "order"       // which of several that fit comes first
	ChangeValidity    ChangeKind = "validity"    // start_date_time, end_date_time
	ChangeTax         ChangeKind = "tax_included"
	ChangeCurrency    ChangeKind = "currency"
	ChangeText        ChangeKind = "text" // what describes it: texts, links, energy mix, type
	ChangeOther       ChangeKind = "other"
)

// Change is one difference between two versions of a tariff. A path is that of a member,
// or of all that came or went with it; it is "" in a version that has no such thing.
type Change struct {
	Kind             ChangeKind
	OldPath, NewPath string
	Old, New         string      // values as they are compared, "" where there is none
	By               ocpi.Number // New less Old, where both are numbers
	Text             string      // in words, such as "energy +0.02 per kWh (0.30 to 0.32)"
}

// Prices says whether a charge may cost something else for it.
func (c *Change) Prices() bool { return c.Kind != ChangeText && c.Kind != ChangeOther }

// Changes says in what a tariff's JSON text differs from that of its version before: each
// member that differs is named by exactly one Change, or is part of a whole that came or
// went. Elements are matched by what they say, then by their restrictions, then by the
// types of their components; components by what they say, then by their type; texts by
// their language. Whose tariff it is and when it was last updated are no part of it. The
// error says that a text is no JSON object.
func Changes(before, after []byte) ([]Change, error) {
	d := differ{}
	for i, raw := range [][]byte{before, after} {
		n, err := parse(raw)
		if err != nil {
			return nil, err
		}
		if n.kind != '{' {
			return nil, errors.New("read tariff: want a JSON object")
		}
		d.roots[i] = n
		d.sides[i] = newSide(raw)
	}
	d.members(&d.roots[0], &d.roots[1], func(name string, a, b *node) {
		switch name {
		case "id", "country_code", "party_id", "last_updated":
		case "elements":
			if a == nil || b == nil || a.kind != '[' || b.kind != '[' {
				d.leaf(name, name, a, b)
				return
			}
			d.elements(a, b)
		case "tariff_alt_text":
			d.matched(name, name, a, b, func(n *node) string {
				if l := n.member("language"); l != nil {
					return strings.ToLower(l.text)
				}
				return ""
			}, d.values)
		default:
			d.values(name, name, a, b)
		}
	})
	return d.list, nil
}

// differ collects the differences of two trees.
type differ struct {
	roots [2]node
	sides [2]side
	list  []Change
}

// side is what words need of a version; space is nil where it cannot be decoded.
type side struct {
	tariff *ocpi.Tariff
	space  *space
}

func newSide(raw []byte) (s side) {
	t, err := new(ocpi.Decoder).Tariff(versionOf(raw), raw)
	if err == nil {
		s.tariff, s.space = t, newSpace(t)
	}
	return s
}

// canonical writes a value so that equal ones are equal texts: null, an empty object and an
// empty list are no value, an object is its members in order, numbers have no zero too many.
func canonical(n *node) string {
	if n == nil {
		return ""
	}
	switch n.kind {
	case 'n':
		return ""
	case '0':
		return number(n.text)
	case '"':
		return strconv.Quote(n.text)
	case '[':
		parts := make([]string, len(n.children))
		for i := range n.children {
			parts[i] = canonical(&n.children[i])
		}
		if len(parts) == 0 {
			return ""
		}
		return "[" + strings.Join(parts, ",") + "]"
	case '{':
		var parts []string
		for i, name := range n.names {
			if text := canonical(&n.children[i]); text != "" {
				parts = append(parts, strconv.Quote(name)+":"+text)
			}
		}
		if len(parts) == 0 {
			return ""
		}
		slices.Sort(parts)
		return "{" + strings.Join(parts, ",") + "}"
	}
	return n.text
}

// number writes a number with no zero too many; one that is too long stays as it is.
func number(text string) string {
	if n, err := ocpi.ParseNumber(text); err == nil {
		return n.Shortest().String()
	}
	return text
}

// members calls fn for each member that either of two objects has, those of the first in
// its order, then the others.
func (d *differ) members(a, b *node, fn func(name string, a, b *node)) {
	var names []string
	for _, n := range []*node{a, b} {
		for _, name := range n.names {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	for _, name := range names {
		if x, y := a.member(name), b.member(name); x != nil || y != nil {
			fn(name, x, y)
		}
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func at(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// values compares two values, member by member and item by item.
func (d *differ) values(pathA, pathB string, a, b *node) {
	switch {
	case a == nil || b == nil || a.kind != b.kind:
		d.leaf(pathA, pathB, a, b)
	case a.kind == '{':
		d.members(a, b, func(name string, x, y *node) { d.values(join(pathA, name), join(pathB, name), x, y) })
	case a.kind == '[' && !scalars(a, b):
		for i := range max(len(a.children), len(b.children)) {
			var x, y *node
			if i < len(a.children) {
				x = &a.children[i]
			}
			if i < len(b.children) {
				y = &b.children[i]
			}
			d.values(at(pathA, i), at(pathB, i), x, y)
		}
	default:
		d.leaf(pathA, pathB, a, b)
	}
}

// scalars says whether arrays have neither objects nor arrays: then they are one value.
func scalars(arrays ...*node) bool {
	for _, n := range arrays {
		if slices.ContainsFunc(n.children, func(c node) bool { return c.kind == '{' || c.kind == '[' }) {
			return false
		}
	}
	return true
}

// asSet writes a list whose order says nothing.
func asSet(n *node) string {
	if n == nil || n.kind != '[' || len(n.children) == 0 {
		return canonical(n)
	}
	parts := make([]string, len(n.children))
	for i := range n.children {
		parts[i] = canonical(&n.children[i])
	}
	slices.Sort(parts)
	return "[" + strings.Join(slices.Compact(parts), ",") + "]"
}

// leaf notes two values where they differ.
func (d *differ) leaf(pathA, pathB string, a, b *node) {
	write := canonical
	if strings.HasSuffix(pathA, ".day_of_week") {
		write = asSet
	}
	before, after := write(a), write(b)
	if before == after {
		return
	}
	c := Change{Kind: kindOf(pathA), OldPath: pathA, NewPath: pathB, Old: before, New: after}
	if before == "" {
		c.OldPath = ""
	}
	if after == "" {
		c.NewPath = ""
	}
	x, errX := ocpi.ParseNumber(strings.Trim(before, `"`))
	y, errY := ocpi.ParseNumber(strings.Trim(after, `"`))
	if errX == nil && errY == nil {
		c.By, _ = y.Add(x.Neg())
	}
	c.Text = d.words(&c, a, b)
	d.list = append(d.list, c)
}

// kindOf is the kind of a member by its path.
func kindOf(path string) ChangeKind {
	name := path[strings.LastIndexByte(path, '.')+1:]
	component := strings.Contains(path, "].price_components[")
	switch {
	case strings.HasPrefix(path, "min_price"), strings.HasPrefix(path, "max_price"):
		return ChangeLimit
	case strings.HasPrefix(path, "start_date_time"), strings.HasPrefix(path, "end_date_time"):
		return ChangeValidity
	case path == "tax_included":
		return ChangeTax
	case path == "currency":
		return ChangeCurrency
	case strings.HasPrefix(path, "tariff_alt"), strings.HasPrefix(path, "energy_mix"), path == "type":
		return ChangeText
	case strings.Contains(path, "].restrictions"):
		return ChangeRestriction
	case component && name == "price":
		return ChangePrice
	case component && name == "vat":
		return ChangeVAT
	case component && name == "step_size":
		return ChangeStep
	case strings.HasPrefix(path, "elements"):
		return ChangeElement
	}
	return ChangeOther
}

// pair is what of two lists belongs together: -1 where one has none.
type pair struct{ a, b int }

// match pairs the items of two lists that have the same key by one function after the
// other, the first with the first.
func match(a, b []node, keys ...func(*node) string) (pairs []pair) {
	usedA, usedB := make([]bool, len(a)), make([]bool, len(b))
	for _, key := range keys {
		free := map[string][]int{}
		for j := range b {
			if !usedB[j] {
				k := key(&b[j])
				free[k] = append(free[k], j)
			}
		}
		for i := range a {
			if usedA[i] {
				continue
			}
			k := key(&a[i])
			if rest := free[k]; len(rest) > 0 {
				pairs = append(pairs, pair{i, rest[0]})
				usedA[i], usedB[rest[0]] = true, true
				free[k] = rest[1:]
			}
		}
	}
	for i := range a {
		if !usedA[i] {
			pairs = append(pairs, pair{i, -1})
		}
	}
	slices.SortFunc(pairs, func(x, y pair) int { return x.a - y.a })
	for j := range b {
		if !usedB[j] {
			pairs = append(pairs, pair{-1, j})
		}
	}
	return pairs
}

// inverted says whether pairs, in the order of the first list, are in another order in the
// second.
func inverted(pairs []pair) bool {
	last := -1
	for _, p := range pairs {
		if p.a < 0 || p.b < 0 {
			continue
		}
		if p.b < last {
			return true
		}
		last = p.b
	}
	return false
}

// matched compares the items of two lists that belong together by a key.
func (d *differ) matched(pathA, pathB string, a, b *node, key func(*node) string, compare func(pathA, pathB string, a, b *node)) {
	if a != nil && a.kind != '[' || b != nil && b.kind != '[' {
		d.values(pathA, pathB, a, b)
		return
	}
	for _, p := range match(a.items(), b.items(), canonical, key) {
		var x, y *node
		atA, atB := at(pathA, max(p.a, 0)), at(pathB, max(p.b, 0))
		if p.a >= 0 {
			x = &a.children[p.a]
		}
		if p.b >= 0 {
			y = &b.children[p.b]
		}
		compare(atA, atB, x, y)
	}
}

// types are the types of an element's components, in order of names.
func types(element *node) string {
	var list []string
	for _, c := range element.member("price_components").items() {
		list = append(list, componentKey(&c))
	}
	slices.Sort(list)
	return strings.Join(list, ",")
}

func componentKey(c *node) string { return canonical(c.member("type")) }

// restrictionsOf is when an element applies; an empty object restricts nothing.
func restrictionsOf(element *node) string {
	r := element.member("restrictions")
	if r == nil || r.kind != '{' {
		return canonical(r)
	}
	var parts []string
	for i, name := range r.names {
		text := canonical(&r.children[i])
		if name == "day_of_week" {
			text = asSet(&r.children[i])
		}
		if text != "" {
			parts = append(parts, name+"="+text)
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, ",")
}

// elements compares the elements.
func (d *differ) elements(a, b *node) {
	pairs := match(a.children, b.children, canonical,
		func(n *node) string { return restrictionsOf(n) + "|" + types(n) }, restrictionsOf, types)
	for _, p := range pairs {
		switch pathA, pathB := elementPath(max(p.a, 0)), elementPath(max(p.b, 0)); {
		case p.b < 0:
			d.whole(ChangeElement, pathA, "", &a.children[p.a], nil)
		case p.a < 0:
			d.whole(ChangeElement, "", pathB, nil, &b.children[p.b])
		case a.children[p.a].kind != '{' || b.children[p.b].kind != '{':
			d.values(pathA, pathB, &a.children[p.a], &b.children[p.b])
		default:
			d.element(pathA, pathB, &a.children[p.a], &b.children[p.b])
		}
	}
	if inverted(pairs) {
		d.list = append(d.list, Change{Kind: ChangeOrder, OldPath: "elements", NewPath: "elements",
			Text: "the elements come in another order: of several that fit another one may be charged by"})
	}
}

// element compares two elements that belong together.
func (d *differ) element(pathA, pathB string, a, b *node) {
	d.members(a, b, func(name string, x, y *node) {
		atA, atB := join(pathA, name), join(pathB, name)
		switch {
		case name == "price_components" && x != nil && y != nil && x.kind == '[' && y.kind == '[':
			d.components(atA, atB, x, y)
		case name == "restrictions" && (x == nil || x.kind == '{') && (y == nil || y.kind == '{'):
			if x == nil {
				x = &node{kind: '{'}
			}
			if y == nil {
				y = &node{kind: '{'}
			}
			d.values(atA, atB, x, y)
		default:
			d.values(atA, atB, x, y)
		}
	})
}

// components compares the price components of two elements that belong together.
func (d *differ) components(pathA, pathB string, a, b *node) {
	pairs := match(a.children, b.children, canonical, componentKey)
	for _, p := range pairs {
		switch atA, atB := at(pathA, max(p.a, 0)), at(pathB, max(p.b, 0)); {
		case p.b < 0:
			d.whole(ChangeComponent, atA, "", &a.children[p.a], nil)
		case p.a < 0:
			d.whole(ChangeComponent, "", atB, nil, &b.children[p.b])
		default:
			d.values(atA, atB, &a.children[p.a], &b.children[p.b])
		}
	}
	if inverted(pairs) {
		d.list = append(d.list, Change{Kind: ChangeOrder, OldPath: pathA, NewPath: pathB,
			Text: "the price components of an element come in another order: of several of one type another one may be charged by"})
	}
}

// whole notes an element or a component that came or went.
func (d *differ) whole(kind ChangeKind, pathA, pathB string, a, b *node) {
	c := Change{Kind: kind, OldPath: pathA, NewPath: pathB, Old: canonical(a), New: canonical(b)}
	if c.Old == c.New {
		return // null where there was none
	}
	c.Text = d.words(&c, a, b)
	d.list = append(d.list, c)
}
