package ingest

import (
	"cmp"
	"slices"
	"sync"

	"github.com/roamclear/roamclear/ocpi"
)

// Found is a kind of finding in what a partner sends: how often it was found, and
// where last.
type Found struct {
	ocpi.Finding        // the last one
	In           string // such as "cdr NL*TNM*1" or a path: where that was
	Count        int64
	First, Last  ocpi.Time
}

// Tally counts what is found in what partners send, by partner and code: every
// finding, also of what is stored nowhere, such as how a request was addressed. It
// is this process's; what it counted is noted elsewhere from time to time, see
// Unnoted, and [Tally.With] adds what others counted, and this one before it was
// started again. What is found in a CDR's price stands with the CDR. Codes are ours,
// and so few. The zero value is ready, and safe for concurrent use; a nil *Tally keeps
// nothing.
type Tally struct {
	mu       sync.RWMutex
	partners map[string]*tallied
}

type tallied struct {
	mu    sync.Mutex
	found map[string]*Found
	noted map[string]int64 // how many of them are
}

// Unnoted is how often a kind of finding was found in what a partner sent since it was
// last noted.
type Unnoted struct {
	Partner string
	Found
}

// Unnoted returns what was counted here and is not noted, in no order.
func (t *Tally) Unnoted() (list []Unnoted) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for partner, p := range t.partners {
		for _, f := range p.unnoted() {
			if f.Count > 0 {
				list = append(list, Unnoted{partner, f})
			}
		}
	}
	return list
}

// MarkNoted says that some of what was counted here is noted. What was forgotten since
// is not counted.
func (t *Tally) MarkNoted(list []Unnoted) {
	for i := range list {
		p, code := t.of(list[i].Partner), list[i].Code
		p.mu.Lock()
		if f := p.found[code]; f != nil {
			p.noted[code] = min(p.noted[code]+list[i].Count, f.Count)
		}
		p.mu.Unlock()
	}
}

// Forget forgets what was counted of a partner, which was removed.
func (t *Tally) Forget(partner string) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.partners, partner)
}

// unnoted are all kinds, each with how many of it are not noted.
func (p *tallied) unnoted() []Found {
	list := p.list()
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range list {
		list[i].Count -= p.noted[list[i].Code]
	}
	return list
}

// With returns what was found in what a partner sent, by code: what is noted, which is
// by code too, and what was counted here beside.
func (t *Tally) With(partner string, noted []Found) []Found {
	var own []Found
	if t != nil {
		t.mu.RLock()
		p := t.partners[partner]
		t.mu.RUnlock()
		if p != nil {
			own = p.unnoted()
		}
	}
	for _, f := range noted {
		at, here := slices.BinarySearchFunc(own, f.Code, func(f Found, code string) int { return cmp.Compare(f.Code, code) })
		if !here {
			own = slices.Insert(own, at, f)
			continue
		}
		own[at].Count += f.Count
		own[at].First, own[at].Last = min(own[at].First, f.First), max(own[at].Last, f.Last)
	}
	return own
}

// Note counts findings in what a partner sent, which was one body or request.
func (t *Tally) Note(partner, in string, at ocpi.Time, findings ...ocpi.Finding) {
	if t == nil || len(findings) == 0 {
		return
	}
	p := t.of(partner)
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range findings {
		f := &findings[i]
		c := p.found[f.Code]
		if c == nil {
			c = &Found{First: at}
			p.found[f.Code] = c
		}
		c.Finding, c.In, c.Last = *f, in, at
		c.Count++
	}
}

func (t *Tally) of(partner string) *tallied {
	t.mu.RLock()
	p := t.partners[partner]
	t.mu.RUnlock()
	if p != nil {
		return p
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if p = t.partners[partner]; p != nil {
		return p
	}
	if t.partners == nil {
		t.partners = map[string]*tallied{}
	}
	p = &tallied{found: map[string]*Found{}, noted: map[string]int64{}}
	t.partners[partner] = p
	return p
}

func (p *tallied) list() []Found {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]Found, 0, len(p.found))
	for _, f := range p.found {
		list = append(list, *f)
	}
	slices.SortFunc(list, func(a, b Found) int { return cmp.Compare(a.Code, b.Code) })
	return list
}
