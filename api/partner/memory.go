package partner

import (
	"crypto/sha256"
	"sync"

	"github.com/roamclear/roamclear/ingest/control"
)

// outcome is what became of one object of a list.
type outcome uint8

const (
	outcomeKnown    outcome = iota + 1 // we have it like this
	outcomeNew                         // we had it otherwise
	outcomeUnheard                     // we had never heard of it
	outcomeRefused                     // it cannot be used; kept with the reason
	outcomeAnothers                    // a hub shows it of a party that is not granted to it
)

// String returns the outcome as metrics name it.
func (o outcome) String() string {
	switch o {
	case outcomeNew:
		return "new"
	case outcomeUnheard:
		return "never_pushed"
	case outcomeRefused:
		return "refused"
	case outcomeAnothers:
		return "another's"
	}
	return "known"
}

// maxRemembered bounds a generation of a memory: two of them are kept, of some
// 40 bytes a body.
const maxRemembered = 1 << 17

// memory is what became of the bodies that were pulled last. Lists are read
// again and again: what was refused, or is on its way to the store, would be kept
// anew each time. It is forgotten with the process, which then keeps such a body
// once more.
type memory struct {
	mu         sync.Mutex // guards what follows
	young, old map[bodyKey]outcome
}

// bodyKey is a body of a partner, as it stood when the body was judged: with
// another role, or policy, it may be accepted.
type bodyKey [sha256.Size]byte

func keyOf(p *control.Partner, m *module, body []byte) (k bodyKey) {
	h := sha256.New()
	h.Write([]byte(p.ID)) // never fails, as below
	h.Write([]byte{0, byte(m.object)})
	for _, r := range p.Roles {
		h.Write([]byte(r.String()))
		h.Write([]byte{0})
	}
	for _, finding := range p.Refuses {
		h.Write([]byte(finding))
		h.Write([]byte{1})
	}
	h.Write(body)
	h.Sum(k[:0])
	return k
}

func (r *memory) of(k bodyKey) (outcome, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o, ok := r.young[k]
	if !ok {
		o, ok = r.old[k]
	}
	return o, ok
}

func (r *memory) note(k bodyKey, o outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.young) >= maxRemembered || r.young == nil {
		r.young, r.old = map[bodyKey]outcome{}, r.young
	}
	r.young[k] = o
}
