package ocpi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// Difference is a member in which two bodies differ, by its path as findings
// have it. First and Other are JSON in canonical form; the one that lacks the
// member is nil. One of more than maxDiffValue bytes is told by its size.
type Difference struct {
	Path  string          `json:"path"`
	First json.RawMessage `json:"first,omitempty"`
	Other json.RawMessage `json:"other,omitempty"`
}

const maxDiffValue = 1000

// Diff lists in what two bodies differ, at most so many members, and how many
// more there are. Bodies with the same canonical hash do not differ. Error:
// *SyntaxError.
func Diff(first, other []byte, most int) (list []Difference, more int, err error) {
	var trees [2]any
	var d Decoder
	for i, raw := range [2][]byte{first, other} {
		canonical, err := d.AppendCanonical(nil, raw)
		if err != nil {
			return nil, 0, err
		}
		dec := json.NewDecoder(bytes.NewReader(canonical))
		dec.UseNumber()
		if err := dec.Decode(&trees[i]); err != nil {
			return nil, 0, fmt.Errorf("read canonical form: %w", err) // it was written by us
		}
	}
	c := &differ{most: most}
	c.values("", trees[0], trees[1])
	return c.list, c.more, nil
}

type differ struct {
	list       []Difference
	most, more int
}

func (d *differ) values(path string, first, other any) {
	switch a := first.(type) {
	case map[string]any:
		if b, ok := other.(map[string]any); ok {
			d.objects(path, a, b)
			return
		}
	case []any:
		if b, ok := other.([]any); ok {
			d.arrays(path, a, b)
			return
		}
	default:
		switch other.(type) {
		case map[string]any, []any:
		default:
			if first == other { // texts, numbers of one spelling, booleans, null
				return
			}
		}
	}
	d.add(path, asJSON(first), asJSON(other))
}

func (d *differ) objects(path string, a, b map[string]any) {
	names := slices.Sorted(maps.Keys(a))
	for name := range b {
		if _, ok := a[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		at := name
		if path != "" {
			at = path + "." + name
		}
		x, inA := a[name]
		y, inB := b[name]
		switch {
		case !inA:
			d.add(at, nil, asJSON(y))
		case !inB:
			d.add(at, asJSON(x), nil)
		default:
			d.values(at, x, y)
		}
	}
}

func (d *differ) arrays(path string, a, b []any) {
	for i := range max(len(a), len(b)) {
		at := path + "[" + strconv.Itoa(i) + "]"
		switch {
		case i >= len(a):
			d.add(at, nil, asJSON(b[i]))
		case i >= len(b):
			d.add(at, asJSON(a[i]), nil)
		default:
			d.values(at, a[i], b[i])
		}
	}
}

func (d *differ) add(path string, first, other json.RawMessage) {
	if len(d.list) == d.most {
		d.more++
		return
	}
	d.list = append(d.list, Difference{path, first, other})
}

// asJSON writes a value, or how large it is.
func asJSON(v any) json.RawMessage {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // it came from JSON
	}
	if text := bytes.TrimSuffix(b.Bytes(), []byte{'\n'}); len(text) <= maxDiffValue {
		return text
	}
	return fmt.Appendf(nil, `"(%d bytes)"`, b.Len()-1)
}
