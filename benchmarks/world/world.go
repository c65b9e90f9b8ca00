package world

import (
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"slices"
)

// Options say which world to make.
type Options struct {
	Seed uint64
	// Source is a gzipped CSV of charges; nil is the embedded extract.
	Source io.Reader
	// Rows bounds the charges read, 0 is all of the source.
	Rows int
	// Only keeps the modules named; nil is all.
	Only []Module
	// Clean leaves the mishaps out; the dirt of the source stays.
	Clean bool
	// Series goes into the id of every CDR and Session: worlds of different
	// series share stations, tariffs and cards but no CDR. At most 6 characters.
	Series string
}

// maxDelay is how many charges later a repeat, a conflict or a credit comes.
const maxDelay = 64

// world is the state of one run. It grows with stations and cards, not with
// charges.
type world struct {
	options Options
	sites   map[string]*site
	drivers map[string]*driver
	later   map[int][]Item // by the number of the charge after which they come
}

// Items streams everything the partners push, in order. An object that others
// refer to comes before them. It ends after the first error.
func Items(o Options) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		w := &world{options: o, sites: map[string]*site{}, drivers: map[string]*driver{}, later: map[int][]Item{}}
		send := func(items []Item) bool {
			for _, i := range items {
				if o.Only != nil && !slices.Contains(o.Only, i.Module) {
					continue
				}
				if !yield(i, nil) {
					return false
				}
			}
			return true
		}
		if !send(priceLists()) {
			return
		}
		source := o.Source
		if source == nil {
			source = Extract()
		}
		n := 0
		for r, err := range rows(source) {
			if err != nil {
				yield(Item{}, err)
				return
			}
			items, err := w.charge(&r, n)
			if err != nil {
				yield(Item{}, err)
				return
			}
			if !send(items) || !send(w.due(n)) {
				return
			}
			if n++; n == o.Rows {
				break
			}
		}
		for end := n + maxDelay; n <= end; n++ {
			if !send(w.due(n)) {
				return
			}
		}
	}
}

func (w *world) due(n int) []Item {
	items := w.later[n]
	delete(w.later, n)
	return items
}

// priceLists are the tariffs as their CPOs put them at the start, each version
// after the one before it.
func priceLists() []Item {
	var items []Item
	for i := range cpos {
		c := &cpos[i]
		pair := tariffs[c.party.ID]
		for j := range pair {
			for t := &pair[j]; t != nil; t = t.after() {
				items = append(items, t.push(c))
			}
		}
	}
	return items
}

// charge makes what is pushed for one row, the n-th.
func (w *world) charge(r *row, n int) ([]Item, error) {
	c, ok := operator(r.source)
	if !ok {
		return nil, fmt.Errorf("charge %s: unknown source %q", r.id, r.source)
	}
	random := rand.New(rand.NewPCG(w.options.Seed, hash(r.source, r.id)))
	t := tariffOf(c, r)
	var items []Item
	p, changed := w.locate(c, r, t)
	if changed {
		items = append(items, p.push(c))
	}
	d, fresh := w.driverOf(c, r, random)
	if fresh {
		items = append(items, d.push(r.start))
	}
	all := periods(c, t, r)
	ch := &charge{
		cpo: c, tariff: t, row: r, place: p, driver: d, random: random,
		id: c.party.ID + "-" + w.options.Series + r.id, sessionID: c.party.ID + "-S-" + w.options.Series + r.id, periods: all, quote: t.price(c, all),
	}
	items = append(items, ch.session()...)
	now, later := ch.records(w.options.Clean)
	items = append(items, now...)
	if len(later) > 0 {
		at := n + 1 + random.IntN(maxDelay)
		w.later[at] = append(w.later[at], later...)
	}
	return items, nil
}
