package ingest

import (
	"cmp"
	"slices"
	"sync"

	"github.com/roamclear/roamclear/ocpi"
)

// Found is a kind of finding in what a partner sends to this process: how often it
// was found since the process started, and where last.
type Found struct {
	ocpi.Finding        // the last one
	In           string // such as "cdr NL*TNM*1" or a path: where that was
	Count        int64
	First, Last  ocpi.Time
}

// Tally counts what is found in what partners send, by partner and code: every
// finding, also of what is stored nowhere, such as how a request was addressed. It
// is this process's, and begins anew with it; what is found in a CDR's price
// stands with the CDR. Codes are ours, and so few. The zero value is ready, and
// safe for concurrent use; a nil *Tally keeps nothing.
type Tally struct {
	mu       sync.RWMutex
	partners map[string]*tallied
}

type tallied struct {
	mu    sync.Mutex
	found map[string]*Found
}

// Note counts a finding in what a partner sent.
func (t *Tally) Note(partner, in string, at ocpi.Time, f *ocpi.Finding) {
	if t == nil {
		return
	}
	t.of(partner).note(in, at, f)
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
	p = &tallied{found: map[string]*Found{}}
	t.partners[partner] = p
	return p
}

func (p *tallied) note(in string, at ocpi.Time, f *ocpi.Finding) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.found[f.Code]
	if c == nil {
		c = &Found{First: at}
		p.found[f.Code] = c
	}
	c.Finding, c.In, c.Last = *f, in, at
	c.Count++
}

// Of returns what was found in what a partner sent, by code.
func (t *Tally) Of(partner string) []Found {
	if t == nil {
		return nil
	}
	t.mu.RLock()
	p := t.partners[partner]
	t.mu.RUnlock()
	if p == nil {
		return nil
	}
	return p.list()
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
