package clearing

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"sort"
	"strings"

	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
)

// Bounds of what is set.
const (
	maxSettings  = 5000 // kept of one scope, replaced ones too
	maxValues    = 200  // of one event
	maxKeyLength = 80   // bytes
	maxBy        = 64   // bytes of who decided
)

// ByLocal is who decides with the admin token: whoever can read the data
// directory. Others are the ids of their keys.
const ByLocal = "local"

// Key is what can be set, and what is to be said of it.
type Key struct {
	Name    string   // "owed"; CODE and PARAM in it stand for a rule and its parameter
	House   bool     // set for the house alone
	Default string   // what holds where no scope sets it; "" = Absent says
	Absent  string   // what holds where no scope sets it and that is no value
	Values  []string // that it may have; nil = Wants says
	Wants   string   // what a value is
	Says    string   // a sentence
}

// row is a key of a table: how a value of it is read, and what it changes in a T.
type row[T any] struct {
	Key
	matches func(key string) bool // nil = the name alone
	// parse returns the value, and how it is written where it is kept.
	parse func(text string) (value any, canonical string, err error)
	apply func(of *T, s *setting[T])
}

// newRow makes a row of typed functions. Of parse's value, text is how it is written.
func newRow[T, V any](k Key, parse func(text string) (value V, canonical string, err error), apply func(of *T, key string, value V)) row[T] {
	return row[T]{
		Key:   k,
		parse: func(text string) (any, string, error) { return parse(text) },
		apply: func(of *T, s *setting[T]) { apply(of, s.key, s.value.(V)) },
	}
}

// of makes it the row of all keys that match.
func (r row[T]) of(matches func(key string) bool) row[T] {
	r.matches = matches
	return r
}

// setting is one value of one key, from a period on.
type setting[T any] struct {
	row    *row[T]
	key    string
	text   string // as it is written; "" = withdrawn: what wider scopes say holds
	value  any    // nil where it is withdrawn
	from   ocpi.Month
	record *record
}

// record is where settings stand in the control log.
type record struct {
	offset int64
	at     ocpi.Time
	by     string
}

// dated is what was set, by scope: ascending by key, period and record. The lists
// are never changed.
type dated[T any] struct {
	byScope control.Map[Scope, []setting[T]]
}

// with returns what is set after an event, or a *control.Refused.
func (d dated[T]) with(s Scope, from ocpi.Month, values []setting[T], r *record) (dated[T], error) {
	before, _ := d.byScope.Get(s)
	if len(before)+len(values) > maxSettings {
		return d, control.Conflict("%s has %d settings, of at most %d that are kept", s, len(before), maxSettings)
	}
	list := make([]setting[T], 0, len(before)+len(values))
	list = append(list, before...)
	for _, v := range values {
		v.from, v.record = from, r
		i, _ := slices.BinarySearchFunc(list, v, func(a, b setting[T]) int {
			if c := cmp.Or(strings.Compare(a.key, b.key), a.from.Compare(b.from)); c != 0 {
				return c
			}
			return -1 // behind those of the same period
		})
		list = slices.Insert(list, i, v)
	}
	d.byScope = d.byScope.With(s, list)
	return d, nil
}

// standing yields, of each key of a scope, what stands in a period by the records
// below an offset: the latest from of those that have begun, of equal ones the later
// record. What is withdrawn is not yielded.
func (d dated[T]) standing(s Scope, period ocpi.Month, below int64) iter.Seq[*setting[T]] {
	return func(yield func(*setting[T]) bool) {
		list, _ := d.byScope.Get(s)
		for i := 0; i < len(list); {
			var last *setting[T]
			key := list[i].key
			for ; i < len(list) && list[i].key == key; i++ {
				if v := &list[i]; v.from <= period && v.record.offset < below {
					last = v
				}
			}
			if last != nil && last.text != "" && !yield(last) {
				return
			}
		}
	}
}

// last returns what stands of one key of a scope, as standing yields it; nil where
// nothing does.
func (d dated[T]) last(s Scope, key string, period ocpi.Month, below int64) (last *setting[T]) {
	list, _ := d.byScope.Get(s)
	for i := sort.Search(len(list), func(i int) bool { return list[i].key >= key }); i < len(list) && list[i].key == key; i++ {
		if v := &list[i]; v.from <= period && v.record.offset < below {
			last = v
		}
	}
	if last == nil || last.text == "" {
		return nil
	}
	return last
}

// narrowest returns what stands of one key for a pair: what the narrowest scope says.
func (d dated[T]) narrowest(pair Scope, key string, period ocpi.Month, below int64) *setting[T] {
	scopes, n := pair.widening()
	for i := n - 1; i >= 0; i-- {
		if s := d.last(scopes[i], key, period, below); s != nil {
			return s
		}
	}
	return nil
}

// Setting is one value as it was set.
type Setting struct {
	Scope    Scope
	Key      string
	Value    string // "" = withdrawn: what wider scopes say holds
	From     ocpi.Month
	At       ocpi.Time
	By       string
	Offset   int64 // of its control record
	Replaced bool  // by a later record for the same period
}

// settings returns what was set for the scopes that suit, by scope, key, period and
// record.
func (d dated[T]) settings(suits func(Scope) bool) []Setting {
	list := []Setting{}
	for scope, of := range d.byScope.All() {
		if !suits(scope) {
			continue
		}
		for i := range of {
			s := of[i].shown(scope)
			s.Replaced = i+1 < len(of) && of[i+1].key == s.Key && of[i+1].from == s.From
			list = append(list, s)
		}
	}
	slices.SortStableFunc(list, func(a, b Setting) int { return a.Scope.compare(b.Scope) })
	return list
}

func (s *setting[T]) shown(of Scope) Setting {
	return Setting{Scope: of, Key: s.key, Value: s.text, From: s.from, At: s.record.at, By: s.record.by, Offset: s.record.offset}
}

// ValueError says which value cannot be set, and what could be.
type ValueError struct{ Key, Reason string }

// Error names the key.
func (e *ValueError) Error() string { return e.Key + ": " + e.Reason }

func wrongValue(key, format string, args ...any) error {
	return &ValueError{Key: key, Reason: fmt.Sprintf(format, args...)}
}

// table finds the rows of keys.
type table[T any] []row[T]

func (t table[T]) find(key string) (*row[T], bool) {
	for i := range t {
		if r := &t[i]; r.Name == key && r.matches == nil || r.matches != nil && r.matches(key) {
			return r, true
		}
	}
	return nil, false
}

// keys are what the table has.
func (t table[T]) keys() []Key {
	list := make([]Key, len(t))
	for i := range t {
		list[i] = t[i].Key
	}
	return list
}

// names are the keys, for people.
func (t table[T]) names() string {
	names := make([]string, len(t))
	for i := range t {
		names[i] = t[i].Name
	}
	return strings.Join(names, ", ")
}

// canonical returns values as they are kept. The error is a *ValueError.
func (t table[T]) canonical(s Scope, values map[string]string) (map[string]string, error) {
	kept := make(map[string]string, len(values))
	for _, key := range sortedKeys(values) {
		r, ok := t.find(key)
		switch {
		case !ok:
			return nil, wrongValue(key, "there is no such key; known are %s", t.names())
		case r.House && s != Scope{}:
			return nil, wrongValue(key, "is set for the house alone, not for %s", s)
		}
		kept[key] = ""
		if values[key] == "" {
			continue
		}
		_, text, err := r.parse(values[key])
		if err != nil {
			return nil, wrongValue(key, "%q: %v", values[key], err)
		}
		kept[key] = text
	}
	return kept, nil
}

// read makes settings of the values of an event. An error means that this version
// does not know one of them: the fold halts, for going on would come to other money.
func (t table[T]) read(values map[string]string) ([]setting[T], error) {
	list := make([]setting[T], 0, len(values))
	for _, key := range sortedKeys(values) {
		r, ok := t.find(key)
		if !ok {
			return nil, fmt.Errorf("there is no key %q in this version of roamclear: start a version at least as new as the one that set it", key)
		}
		s := setting[T]{row: r, key: key}
		if text := values[key]; text != "" {
			var err error
			if s.value, s.text, err = r.parse(text); err != nil {
				return nil, fmt.Errorf("this version of roamclear cannot read %s=%q: %w", key, text, err)
			}
		}
		list = append(list, s)
	}
	return list, nil
}

// validateValues refuses values that no version could have, by their bounds alone.
func validateValues(from ocpi.Month, values map[string]string, longest int, by string) error {
	switch {
	case from.IsZero():
		return control.Invalid("from: required, a month such as 2026-01")
	case len(values) == 0 || len(values) > maxValues:
		return control.Invalid("values: %d of them, want 1 to %d", len(values), maxValues)
	case by == "" || len(by) > maxBy:
		return control.Invalid("by: %d bytes, want 1 to %d", len(by), maxBy)
	}
	for _, key := range sortedKeys(values) {
		if key == "" || len(key) > maxKeyLength {
			return control.Invalid("values: a key of %d bytes, want 1 to %d", len(key), maxKeyLength)
		}
		if len(values[key]) > longest {
			return control.Invalid("%s: %d bytes, want at most %d", key, len(values[key]), longest)
		}
	}
	return nil
}
