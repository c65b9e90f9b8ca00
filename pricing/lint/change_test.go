package lint_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/roamclear/roamclear/pricing/lint"
)

// What is told of two versions, word by word.
func TestChangesInWords(t *testing.T) {
	const base = `{"id":"11","currency":"EUR","elements":[
		{"price_components":[{"type":"ENERGY","price":0.30,"vat":19,"step_size":1},{"type":"FLAT","price":1,"step_size":1}],"restrictions":{"start_time":"08:00","end_time":"20:00","day_of_week":["MONDAY","TUESDAY"]}},
		{"price_components":[{"type":"ENERGY","price":0.25,"step_size":1}]}],
		"tariff_alt_text":[{"language":"en","text":"cheap"}],"max_price":{"excl_vat":20},"last_updated":"2026-01-01T00:00:00Z"}`
	for _, tt := range []struct {
		title string
		edit  [][2]string
		want  []string
	}{
		{"nothing but when it was changed and how it is written", [][2]string{{"2026-01-01", "2026-02-01"}, {"0.30", "0.3"}, {`"MONDAY","TUESDAY"`, `"TUESDAY","MONDAY"`}}, nil},
		{"a price", [][2]string{{"0.30", "0.32"}}, []string{"price elements[0].price_components[0].price: energy +0.02 per kWh (0.3 to 0.32), Mon, Tue 08:00–20:00"}},
		{"a price that falls, for always", [][2]string{{"0.25", "0.2"}}, []string{"price elements[1].price_components[0].price: energy -0.05 per kWh (0.25 to 0.2)"}},
		{"tax and steps", [][2]string{{`"vat":19,"step_size":1}`, `"vat":21,"step_size":1000}`}}, []string{
			"vat elements[0].price_components[0].vat: VAT on energy 19 % to 21 %, Mon, Tue 08:00–20:00",
			"step_size elements[0].price_components[0].step_size: steps of energy 1 Wh to 1000 Wh, Mon, Tue 08:00–20:00",
		}},
		{"a limit", [][2]string{{`"max_price":{"excl_vat":20}`, `"max_price":{"excl_vat":25},"min_price":{"excl_vat":0.5}`}}, []string{
			"limit max_price.excl_vat: at most per session, before tax 20 to 25",
			"limit min_price: at least per session none to {\"excl_vat\":0.5}",
		}},
		{"when it applies", [][2]string{{`"end_time":"20:00"`, `"end_time":"22:00"`}}, []string{"restriction elements[0].restrictions.end_time: end_time 20:00 to 22:00 of energy 0.3 per kWh, start fee 1"}},
		{"a component more", [][2]string{{`{"type":"ENERGY","price":0.25`, `{"type":"PARKING_TIME","price":6},{"type":"ENERGY","price":0.25`}}, []string{"component elements[1].price_components[0]: added: parking 6 per hour"}},
		{"an element less", [][2]string{{`,
		{"price_components":[{"type":"ENERGY","price":0.25,"step_size":1}]}`, ""}}, []string{"element elements[1]: removed: energy 0.25 per kWh"}},
		{"a text", [][2]string{{`"cheap"`, `"dear"`}}, []string{"text tariff_alt_text[0].text: tariff_alt_text[0].text cheap to dear"}},
		{"validity, and a member that OCPI does not have", [][2]string{{`"id":"11"`, `"id":"11","end_date_time":"2026-12-31T00:00:00Z","x_note":true`}}, []string{
			"validity end_date_time: valid until none to 2026-12-31T00:00:00Z",
			"other x_note: x_note none to true",
		}},
	} {
		after := base
		for _, e := range tt.edit {
			if !strings.Contains(after, e[0]) {
				t.Fatalf("%s: the base has no %s", tt.title, e[0])
			}
			after = strings.Replace(after, e[0], e[1], 1)
		}
		list, err := lint.Changes([]byte(base), []byte(after))
		if err != nil {
			t.Fatalf("%s: %v", tt.title, err)
		}
		var got []string
		for _, c := range list {
			path := c.NewPath
			if path == "" {
				path = c.OldPath
			}
			got = append(got, fmt.Sprintf("%s %s: %s", c.Kind, path, c.Text))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.title, diff)
		}
	}
	if _, err := lint.Changes([]byte(base), []byte(`[]`)); err == nil {
		t.Error("a list is taken for a tariff")
	}
}

type object = map[string]any

// drawObject draws a tariff of few values, so that two of them have much in common.
func drawObject(t *rapid.T) object {
	value := func(name string, of ...any) any { return rapid.SampledFrom(of).Draw(t, name) }
	some := func(o object, name string, of ...any) {
		if rapid.Bool().Draw(t, "some "+name) {
			o[name] = value(name, of...)
		}
	}
	o := object{"id": "A", "currency": value("currency", "EUR", "SEK"), "last_updated": value("updated", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z")}
	some(o, "type", "REGULAR", "PROFILE_GREEN")
	some(o, "min_price", object{"excl_vat": 1}, object{"excl_vat": 2, "incl_vat": 3}, nil)
	some(o, "max_price", object{"excl_vat": 10}, object{"incl_vat": 30})
	some(o, "energy_mix", object{"is_green_energy": true}, object{"is_green_energy": false, "energy_sources": []any{object{"source": "WIND", "percentage": 70}, object{"source": "GAS", "percentage": 30}}})
	some(o, "start_date_time", "2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z")
	var texts []any
	for _, l := range rapid.SampledFrom([][]string{nil, {"en"}, {"en", "de"}, {"de"}, {"de", "en"}}).Draw(t, "languages") {
		texts = append(texts, object{"language": l, "text": value("text", "a", "b")})
	}
	if texts != nil {
		o["tariff_alt_text"] = texts
	}
	var elements []any
	for range rapid.IntRange(1, 4).Draw(t, "elements") {
		var components []any
		for range rapid.IntRange(1, 3).Draw(t, "components") {
			c := object{"type": value("type", "ENERGY", "TIME", "FLAT"), "price": value("price", 1, 2, 0.5)}
			some(c, "vat", 19, 21)
			some(c, "step_size", 1, 300)
			components = append(components, c)
		}
		e := object{"price_components": components}
		r := object{}
		some(r, "max_kwh", 10, 20)
		some(r, "start_time", "08:00", "09:00")
		some(r, "day_of_week", []any{"MONDAY"}, []any{"MONDAY", "SUNDAY"}, []any{"SUNDAY", "MONDAY"})
		if len(r) > 0 {
			e["restrictions"] = r
		}
		elements = append(elements, e)
	}
	o["elements"] = elements
	return o
}

// flatten writes every leaf of a value below its path. rename gives the items of a list
// their names.
func flatten(path string, v any, rename func(path string, i int) string, into map[string]string) {
	switch v := v.(type) {
	case nil:
	case object:
		for name, child := range v {
			at := name
			if path != "" {
				at = path + "." + name
			}
			flatten(at, child, rename, into)
		}
	case []any:
		if _, isObject := v[0].(object); !isObject {
			var texts []string
			for _, item := range v {
				texts = append(texts, fmt.Sprint(item))
			}
			slices.Sort(texts)
			into[path] = fmt.Sprint(texts)
			return
		}
		for i, item := range v {
			flatten(rename(path, i), item, rename, into)
		}
	default:
		into[path] = fmt.Sprint(v)
	}
}

func plain(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// leaves are the leaves of an item alone, as one text.
func leaves(v any) string {
	all := map[string]string{}
	flatten("", v, plain, all)
	var lines []string
	for _, path := range slices.Sorted(maps.Keys(all)) {
		lines = append(lines, path+"="+all[path])
	}
	return strings.Join(lines, " ")
}

// partners pairs items, of each of the ways to be alike in turn the first ones: partners[i] is
// that of the i-th of a, -1 for none.
func partners(a, b []any, alike ...func(x, y any) bool) []int {
	of := make([]int, len(a))
	for i := range of {
		of[i] = -1
	}
	for _, same := range alike {
		for i := range a {
			for j := range b {
				if of[i] < 0 && !slices.Contains(of, j) && same(a[i], b[j]) {
					of[i] = j
				}
			}
		}
	}
	return of
}

func by(key func(any) string) func(x, y any) bool {
	return func(x, y any) bool { return key(x) == key(y) }
}

// naming gives both sides of each pair one name, and what has no partner one of its own.
type naming struct{ a, b map[string]string }

func (n *naming) list(pathA, pathB string, a, b []any, of []int) {
	taken := map[int]bool{}
	for i := range a {
		n.a[plain(pathA, i)] = fmt.Sprintf("%s{%d:%d}", n.name(n.a, pathA), i, of[i])
		if of[i] >= 0 {
			taken[of[i]] = true
			n.b[plain(pathB, of[i])] = n.a[plain(pathA, i)]
		}
	}
	for j := range b {
		if !taken[j] {
			n.b[plain(pathB, j)] = fmt.Sprintf("%s{:%d}", n.name(n.b, pathB), j)
		}
	}
}

// name is the name of a path: that of its longest beginning that has one, and the rest.
func (n *naming) name(side map[string]string, path string) string {
	best := ""
	for known := range side {
		if len(known) > len(best) && within(path, known) {
			best = known
		}
	}
	if best == "" {
		return path
	}
	return side[best] + path[len(best):]
}

// within says whether a path is another or leads below it.
func within(path, whole string) bool {
	rest, ok := strings.CutPrefix(path, whole)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[' || rest[0] == '{')
}

func items(v any, name string) []any {
	list, _ := v.(object)[name].([]any)
	return list
}

// nameAll pairs elements, their components and the texts of two tariffs.
func nameAll(a, b object) *naming {
	n := &naming{map[string]string{}, map[string]string{}}
	typeOf := func(v any) string { return fmt.Sprint(v.(object)["type"]) }
	types := func(v any) string {
		var list []string
		for _, c := range items(v, "price_components") {
			list = append(list, typeOf(c))
		}
		slices.Sort(list)
		return fmt.Sprint(list)
	}
	restrictions := func(v any) string { return leaves(v.(object)["restrictions"]) }
	elementsA, elementsB := items(a, "elements"), items(b, "elements")
	exact := func(v any) string { text, _ := json.Marshal(v); return string(text) } // members are in order
	of := partners(elementsA, elementsB, by(exact), by(func(v any) string { return restrictions(v) + types(v) }), by(restrictions), by(types))
	n.list("elements", "elements", elementsA, elementsB, of)
	for i, j := range of {
		if j >= 0 {
			x, y := items(elementsA[i], "price_components"), items(elementsB[j], "price_components")
			n.list(plain("elements", i)+".price_components", plain("elements", j)+".price_components", x, y, partners(x, y, by(exact), by(typeOf)))
		}
	}
	language := func(v any) string { return fmt.Sprint(v.(object)["language"]) }
	x, y := items(a, "tariff_alt_text"), items(b, "tariff_alt_text")
	n.list("tariff_alt_text", "tariff_alt_text", x, y, partners(x, y, by(exact), by(language)))
	return n
}

// Each leaf in which two tariffs differ is named by exactly one change, and no change names
// what does not differ: held against all leaves of both, pair by pair.
func TestEachDifferenceIsNamedOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawObject(t), drawObject(t)
		rawA, _ := json.Marshal(a)
		rawB, _ := json.Marshal(b)
		changes, err := lint.Changes(rawA, rawB)
		if err != nil {
			t.Fatal(err)
		}
		n := nameAll(a, b)
		before, after := map[string]string{}, map[string]string{}
		for side, into := range map[*object]map[string]string{&a: before, &b: after} {
			all, names := map[string]string{}, n.a
			if side == &b {
				names = n.b
			}
			flatten("", *side, plain, all)
			for path, v := range all {
				into[n.name(names, path)] = v
			}
			delete(into, "last_updated")
		}
		named := make([]int, len(changes))
		differ := map[string]bool{}
		for path, v := range before {
			if after[path] != v {
				differ[path] = true
			}
		}
		for path := range after {
			if _, ok := before[path]; !ok {
				differ[path] = true
			}
		}
		for path := range differ {
			count := 0
			for i, c := range changes {
				if c.Kind == lint.ChangeOrder {
					continue
				}
				if c.OldPath != "" && within(path, n.name(n.a, c.OldPath)) || c.NewPath != "" && within(path, n.name(n.b, c.NewPath)) {
					count++
					named[i]++
				}
			}
			if count != 1 {
				t.Errorf("%s differs (%q, %q) and is named %d times in %+v", path, before[path], after[path], count, changes)
			}
		}
		for i, c := range changes {
			if c.Kind != lint.ChangeOrder && named[i] == 0 {
				t.Errorf("nothing differs for %+v", c)
			}
			if c.OldPath != "" && c.NewPath != "" && n.name(n.a, c.OldPath) != n.name(n.b, c.NewPath) {
				t.Errorf("paths of two things: %+v", c)
			}
			if c.Text == "" {
				t.Errorf("no words for %+v", c)
			}
		}
		if again, err := lint.Changes(rawA, rawA); err != nil || len(again) > 0 {
			t.Errorf("a tariff differs from itself: %+v, %v", again, err)
		}
	})
}

// Elements that swap places are told, and nothing else of them.
func TestAnotherOrderIsNamed(t *testing.T) {
	const one, two = `{"price_components":[{"type":"ENERGY","price":1}]}`, `{"price_components":[{"type":"ENERGY","price":2}]}`
	changes, err := lint.Changes([]byte(`{"elements":[`+one+`,`+two+`]}`), []byte(`{"elements":[`+two+`,`+one+`]}`))
	if err != nil || len(changes) != 1 || changes[0].Kind != lint.ChangeOrder {
		t.Errorf("%+v, %v: want the order alone", changes, err)
	}
}
