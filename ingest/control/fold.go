package control

import (
	"errors"
	"fmt"

	"github.com/roamclear/roamclear/ingest"
)

// foldBatch folds records and publishes what they did. It returns a
// *HaltedError at a record that cannot be folded; what stands before it counts.
func (m *Machine) foldBatch(records []ingest.Record) error {
	next := m.Next()
	outcomes := make(map[int64]error, len(records))
	var failed error
	for _, r := range records {
		if r.Offset != next {
			failed = fmt.Errorf("control log has offset %d where %d was due: records are missing", r.Offset, next)
			break
		}
		refused, err := m.foldRecord(r)
		if err != nil {
			failed = &HaltedError{Offset: r.Offset, Err: err}
			break
		}
		outcomes[r.Offset] = refused
		next++
	}
	m.publish()
	m.tell(outcomes)
	switch halted, _ := errors.AsType[*HaltedError](failed); {
	case halted != nil:
		err := error(halted)
		m.notReady.Store(&err)
		m.progress.Advance(0, next) // whoever is woken by the halt sees how far it came
		m.halt(halted)
	case next >= m.end:
		m.notReady.Store(nil)
	}
	m.progress.Advance(0, next)
	return failed
}

// foldRecord folds one record. refused says why it has no effect; err that it
// cannot be folded.
func (m *Machine) foldRecord(r ingest.Record) (refused, err error) {
	e, change, err := m.decode(r.Body)
	if err != nil {
		return nil, err
	}
	e.Offset, e.Body = r.Offset, r.Body
	err = m.apply(e, change)
	if refused, ok := errors.AsType[*Refused](err); ok {
		return refused, nil
	}
	return nil, err
}

// apply folds one event. It reads no clock and depends on nothing but the
// state and the event. It returns a *Refused, and leaves everything but the
// memory of command ids alone, when the event has no effect.
func (m *Machine) apply(e Event, c Change) error {
	if err := validate(e, c); err != nil {
		return err
	}
	if !m.commands.add(e.Command) {
		return &Refused{Kind: RefusedRepeat, Reason: fmt.Sprintf("command %q was decided before: a command takes effect at most once", e.Command)}
	}
	fold := m.folds[c.Kind()]
	fold.owner.touched = true
	return fold.apply(e, c)
}

func (m *Machine) publish() {
	for _, d := range m.domains {
		if d.touched {
			d.publish()
			d.touched = false
		}
	}
}

// tell hands the outcomes to the command under way, if any.
func (m *Machine) tell(outcomes map[int64]error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.outcome != nil {
		for offset, err := range outcomes {
			m.outcome[offset] = err
		}
	}
}

func (m *Machine) watch(outcomes map[int64]error) {
	m.mu.Lock()
	m.outcome = outcomes
	m.mu.Unlock()
}
