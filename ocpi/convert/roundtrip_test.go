package convert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/roamclear/roamclear/ocpi"
)

// What is not told as lost comes back: an object goes to another version and returns,
// and all of it is as it was but for what the way there and the way back have told.
func TestRoundTrips(t *testing.T) {
	for kind := CDR; kind <= Token; kind++ {
		for from := ocpi.V211; from <= ocpi.V230; from++ {
			for by := ocpi.V211; by <= ocpi.V230; by++ {
				if from == by {
					continue
				}
				t.Run(fmt.Sprintf("%s from %s by %s", kind, from, by), func(t *testing.T) {
					rapid.Check(t, func(t *rapid.T) {
						r := maker{rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 3)), from}
						roundTrip(t, kind, from, by, r.object(classes[kind]))
					})
				})
			}
		}
	}
}

func roundTrip(t *rapid.T, kind Kind, from, by ocpi.Version, raw string) {
	ctx := knowing
	ctx.Token = func(string, ocpi.Time) (ocpi.CDRToken, bool) {
		return ocpi.CDRToken{CountryCode: "DE", PartyID: "EMP", UID: "1", Type: "RFID"}, true
	}
	ctx.TariffInForce = nil
	there, err := Convert(kind, from, by, []byte(raw), ctx)
	if err != nil {
		t.Skip(err)
	}
	back, err := Convert(kind, by, from, there.Body, ctx)
	if err != nil {
		t.Skip(err)
	}
	want, got := treeOf(t, raw), treeOf(t, string(back.Body))
	for _, l := range append(there.Lost, back.Lost...) {
		want, got = forget(want, pathOf(l.Path)), forget(got, pathOf(l.Path))
	}
	if by == ocpi.V211 || from == ocpi.V211 {
		want, got = forgetPlaces(want), forgetPlaces(got)
	}
	if d := missing("", compact(want), compact(got)); d != "" {
		t.Fatalf("%s\nsent  %s\nthere %s lost %v\nback  %s lost %v", d, raw, there.Body, there.Lost, back.Body, back.Lost)
	}
	if from != ocpi.V211 && by != ocpi.V211 && len(there.Lost)+len(back.Lost) == 0 {
		if d := missing("", compact(got), compact(want)); d != "" {
			t.Fatalf("made up: %s\n%s\n%s", d, raw, back.Body)
		}
	}
}

// forgetPlaces leaves out what 2.1.1 says as another object with other names: what is
// told of the one is not told by the names of the other.
func forgetPlaces(tree any) any {
	if o, ok := tree.(map[string]any); ok {
		for _, name := range []string{"location", "cdr_location", "location_id", "evse_uid", "connector_id", "auth_id", "cdr_token", "tariffs"} {
			delete(o, name)
		}
	}
	return tree
}

// lostValue stands in the place of what was told.
type lostValue struct{}

func pathOf(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
}

// renamed are the names that a told member may have in the other version.
var renamed = map[string][]string{
	"type": {"parking_type"}, "parking_type": {"type"}, "tariff_ids": {"tariff_id"}, "source": {"category"}, "category": {"source"},
	"taxes": {"incl_vat"}, "incl_vat": {"taxes"}, "tax_included": {"elements"},
}

// forget puts a lostValue in the place of what a path names.
func forget(tree any, path []string) any {
	if len(path) == 0 {
		return lostValue{}
	}
	switch v := tree.(type) {
	case map[string]any:
		for _, name := range append([]string{path[0]}, renamed[path[0]]...) {
			if child, ok := v[name]; ok {
				v[name] = forget(child, path[1:])
			}
		}
	case []any:
		if i, err := strconv.Atoi(path[0]); err == nil && i < len(v) {
			v[i] = forget(v[i], path[1:])
		}
	}
	return tree
}

// compact drops what is lost, and an element with a lost name, which was left out.
func compact(tree any) any {
	switch v := tree.(type) {
	case map[string]any:
		for name, child := range v {
			if isPartOfLoss(child) || isEmpty(name, child) {
				delete(v, name)
				continue
			}
			if v[name] = compact(child); v[name] == (lostValue{}) || v[name] == nil {
				delete(v, name)
			}
		}
	case []any:
		if slices.ContainsFunc(v, func(e any) bool { return e == (lostValue{}) || isPartOfLoss(e) }) {
			return lostValue{} // elements behind it have moved
		}
		for i := range v {
			v[i] = compact(v[i])
		}
	}
	return tree
}

// isEmpty reports whether a member says what its absence says.
func isEmpty(name string, v any) bool {
	list, ok := v.([]any)
	return ok && len(list) == 0 && name == "taxes"
}

func isPartOfLoss(e any) bool {
	o, ok := e.(map[string]any)
	return ok && (o["standard"] == lostValue{} || o["category"] == lostValue{} || o["source"] == lostValue{})
}

// missing says what of want is not in got, "" where all of it is.
func missing(path string, want, got any) string {
	switch w := want.(type) {
	case lostValue:
		return ""
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s: %v became %v", path, want, got)
		}
		for name, child := range w {
			if d := missing(path+"."+name, child, g[name]); d != "" {
				return d
			}
		}
		return ""
	case []any:
		g, ok := got.([]any)
		if got == (lostValue{}) {
			return ""
		}
		if !ok || len(g) != len(w) {
			return fmt.Sprintf("%s: %v became %v", path, want, got)
		}
		for i := range w {
			if d := missing(fmt.Sprintf("%s[%d]", path, i), w[i], g[i]); d != "" {
				return d
			}
		}
		return ""
	}
	if got == (lostValue{}) || equal(want, got) || want == false && got == nil { // false says nothing
		return ""
	}
	return fmt.Sprintf("%s: %v became %v", path, want, got)
}

func equal(a, b any) bool {
	x, okX := a.(json.Number)
	y, okY := b.(json.Number)
	if okX && okY {
		return ocpi.MustNumber(string(x)).Cmp(ocpi.MustNumber(string(y))) == 0
	}
	return a == b
}

func treeOf(t *rapid.T, raw string) (tree any) {
	d := json.NewDecoder(bytes.NewReader([]byte(raw)))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return tree
}
