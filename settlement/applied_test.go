package settlement

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/pricing"
)

// notedRun is what a repriceStore has noted of a run.
type notedRun struct {
	NotedRun
	cdrs map[ingest.Position]Repriced
	old  map[ingest.Position]uint64 // digests of what they replace
}

// failing reports whether the store is gone, after so many writes as it was given.
func (s *repriceStore) failing() bool {
	s.mu.Lock()
	write, before := s.writes, s.before
	s.writes, s.failAfter = s.writes+1, s.failAfter-1
	fails := s.failAfter == -1
	s.mu.Unlock()
	if before != nil {
		before(write)
	}
	return fails
}

func (s *repriceStore) NoteApplied(_ context.Context, n NotedRun, run string) error {
	if s.failing() {
		return errStore
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	note := s.note(n.ID)
	fresh := note.cdrs == nil
	if fresh {
		note = notedRun{n, map[ingest.Position]Repriced{}, map[ingest.Position]uint64{}}
	}
	for at, r := range s.run(run).rows {
		if _, is := note.cdrs[at]; is {
			continue
		}
		if c := s.counting[at]; c.Version == r.Version {
			note.cdrs[at], note.old[at] = r, digest(&c.Row)
		}
	}
	if fresh && len(note.cdrs) > 0 {
		s.noted = append(s.noted, note)
	}
	return nil
}

func (s *repriceStore) Begun(context.Context) (list []BegunRun, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, r := range s.runs {
		for _, p := range r.progress {
			list = append(list, BegunRun{name, p.AsOf.Control})
			break
		}
	}
	return list, nil
}

func (s *repriceStore) note(id uint64) (n notedRun) {
	if i := slices.IndexFunc(s.noted, func(n notedRun) bool { return n.ID == id }); i >= 0 {
		n = s.noted[i]
	}
	return n
}

func (s *repriceStore) AppliedCDRs(_ context.Context, id uint64, fn func(*AppliedCDR) error) error {
	n := s.note(id)
	byKey := slices.SortedFunc(maps.Keys(n.cdrs), func(a, b ingest.Position) int { return cmp.Compare(n.cdrs[a].Key.ID, n.cdrs[b].Key.ID) })
	for _, at := range byKey {
		r := n.cdrs[at]
		if err := fn(&AppliedCDR{Key: r.Key, Old: n.old[at], New: digest(&r.Row)}); err != nil {
			return err
		}
	}
	return nil
}

func (s *repriceStore) AppliedStanding(_ context.Context, id uint64) (a AppliedStanding, err error) {
	for at, r := range s.note(id).cdrs {
		switch c := s.stands(at); {
		case c.Version == r.Version:
			a.Left++
		case c.Version != versionOf(&r.Row):
			a.Since++
		case digest(&c.Row) != digest(&r.Row):
			later := func(n notedRun) bool {
				o, is := n.cdrs[at]
				return is && n.Control > s.note(id).Control && versionOf(&o.Row) == c.Version && digest(&o.Row) == digest(&c.Row)
			}
			if slices.ContainsFunc(s.noted, later) {
				a.Since++
			} else {
				a.Differ, a.Example = a.Differ+1, r.Key
			}
		}
	}
	return a, nil
}

func (s *repriceStore) Noted(context.Context) (noted []NotedRun, err error) {
	for _, n := range s.noted {
		noted = append(noted, n.NotedRun)
	}
	return noted, nil
}

func (s *repriceStore) ForgetApplied(_ context.Context, ids []uint64) error {
	s.noted = slices.DeleteFunc(s.noted, func(n notedRun) bool { return slices.Contains(ids, n.ID) })
	return nil
}

// appliedLog is an AppliedLog in memory; what was applied is known from the next price on.
type appliedLog struct {
	store    *repriceStore
	repricer *Repricer
	list     []AppliedRun
	unknown  bool // the outcome of a record that fails is not known: it is there
}

func (l *appliedLog) Apply(_ context.Context, a AppliedRun) error {
	fails := l.store.failing()
	if fails && !l.unknown {
		return errStore
	}
	if n := len(l.list); n > 0 && l.list[n-1].Offset >= a.AsOf.Control {
		return ErrMeanwhile
	}
	a.Offset = a.AsOf.Control
	l.list = append(l.list, a)
	l.repricer.AsOf.Control = a.Offset + 1
	if fails {
		return errStore
	}
	return nil
}

func (l *appliedLog) LastApplied(run string) (AppliedRun, bool) {
	for _, a := range slices.Backward(l.list) {
		if run == "" || a.Run == run {
			return a, true
		}
	}
	return AppliedRun{}, false
}

func (l *appliedLog) Doomed(_ context.Context, n NotedRun) (bool, error) {
	for i := range l.list {
		if l.list[i].Offset >= n.Control {
			return l.list[i].ID() != n.ID, nil
		}
	}
	return false, nil
}

func (l *appliedLog) prove(t *testing.T) *AppliedProof {
	t.Helper()
	proof, err := ProveApplied(t.Context(), func(fn func(*AppliedRun) error) error {
		for i := range l.list {
			if err := fn(&l.list[i]); err != nil {
				return err
			}
		}
		return nil
	}, l.store)
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

// An apply that dies anywhere does what is left when it is asked for again, and the log has
// one record of it, which says all of it.
func TestAnApplyGoesOnWhereItStopped(t *testing.T) {
	unfinished := 0
	for _, unknown := range []bool{false, true} {
		done := false
		for writes := 0; !done; writes++ {
			s, p := debtorsCome()
			log := p.Log.(*appliedLog)
			log.unknown = unknown
			ran(t, p, january2019, 3)
			s.failAfter = writes
			_, err := p.Apply(t.Context(), january2019)
			if err != nil && !errors.Is(err, errStore) {
				t.Fatalf("after %d writes: %v", writes, err)
			}
			done, s.failAfter = err == nil, -1
			for _, fault := range log.prove(t).Faults {
				if !strings.Contains(fault, "is not finished") {
					t.Errorf("after %d writes: %s", writes, fault)
				}
				unfinished++
			}
			a, err := p.Apply(t.Context(), january2019)
			if err != nil || a.After != (Applied{Applied: 3}) {
				t.Errorf("after %d writes: %+v, %v; want 3 applied", writes, a, err)
			}
			proof := log.prove(t)
			if proof.Runs != 1 || proof.CDRs != 3 || proof.Since != 0 || len(proof.Faults) > 0 || len(s.noted) != 1 {
				t.Errorf("after %d writes: %+v, %d runs are noted", writes, proof, len(s.noted))
			}
			if got := log.list[0]; got.Run != january2019.Name() || got.Count != 3 || got.By != "local" || got.AsOf != now || got.Cut[parts[0]] != 3 || got.Cut[parts[1]] != 2 {
				t.Errorf("after %d writes: the log says %+v", writes, got)
			}
		}
	}
	if unfinished < 3 {
		t.Errorf("%d times an apply was left unfinished, want some", unfinished)
	}
}

// died is a store in which the run of January died behind its record, with so many of its
// three results replaced, and where C-3 costs 12 now, not 6 as that run found.
func died(t *testing.T, replaced int) (*repriceStore, *Repricer, *appliedLog) {
	t.Helper()
	s, p := debtorsCome()
	log := p.Log.(*appliedLog)
	ran(t, p, january2019, 3)
	s.replaces = replaced
	if _, err := p.Apply(t.Context(), january2019); !errors.Is(err, errStore) || len(log.list) != 1 {
		t.Fatalf("%v, %d are recorded: it is to die behind its record", err, len(log.list))
	}
	s.replaces = -1
	s.records[3].Body = []byte(strings.Replace(string(s.records[3].Body), `"price":0.30`, `"price":0.60`, 1))
	return s, p, log
}

// Whatever is done next where a run died behind its record, that run is finished first: no
// version of a result comes to have two contents, and the log's account stays true.
func TestWhatWasRecordedIsFinishedFirst(t *testing.T) {
	audit := january2019
	audit.Run = "audit"
	restarted := func(t *testing.T, p *Repricer, _ int) error {
		if err := p.Restart(t.Context(), january2019); err != nil {
			return err
		}
		ran(t, p, january2019, 1)
		_, err := p.Apply(t.Context(), january2019)
		return err
	}
	another := func(t *testing.T, p *Repricer, replaced int) error {
		ran(t, p, audit, int64(3-replaced)) // beside what is not replaced yet
		_, err := p.Apply(t.Context(), audit)
		return err
	}
	finished := func(t *testing.T, p *Repricer, _ int) error {
		if err := p.Finish(t.Context(), audit); err != nil {
			return err
		}
		ran(t, p, audit, 1)
		_, err := p.Apply(t.Context(), audit)
		return err
	}
	for name, next := range map[string]func(t *testing.T, p *Repricer, replaced int) error{"begun anew": restarted, "another run": another, "finished, then another run": finished} {
		for replaced := range 3 {
			s, p, log := died(t, replaced)
			var told []string
			p.Finished = func(run *AppliedRun, results int64) { told = append(told, fmt.Sprint(run.Run, " ", results)) }
			if err := next(t, p, replaced); err != nil {
				t.Errorf("%s, %d replaced: %v", name, replaced, err)
			}
			proof := log.prove(t)
			if len(proof.Faults) > 0 || proof.Runs != 2 || proof.CDRs != 4 || proof.Since != 1 {
				t.Errorf("%s, %d replaced: %+v", name, replaced, proof)
			}
			if got := s.counting[s.records[3].Position]; got.Generation != 2 || got.Outcome.Computed.Excl.String() != "12.0000" {
				t.Errorf("%s, %d replaced: C-3 is computed as %s, priced again %d times", name, replaced, got.Outcome.Computed.Excl, got.Generation)
			}
			if want := []string{fmt.Sprint(january2019.Name(), " ", 3-replaced)}; !slices.Equal(told, want) {
				t.Errorf("%s, %d replaced: told %q, want %q", name, replaced, told, want)
			}
			for run := range s.runs {
				if strings.Contains(run, attemptMark) {
					t.Errorf("%s, %d replaced: %q is kept", name, replaced, run)
				}
			}
		}
	}
}

// Where the results that a run was to make count are gone as well, they are made again as
// of the run's record; who cannot says what it takes, and nothing else is applied.
func TestWhatIsGoneFollowsFromTheRecord(t *testing.T) {
	gone := func(t *testing.T) (*repriceStore, *Repricer, *appliedLog) {
		s, p, log := died(t, 1)
		s.records[3].Body = []byte(strings.Replace(string(s.records[3].Body), `"price":0.60`, `"price":0.30`, 1))
		delete(s.runs, log.list[0].applying().Name())
		p.AsOf = pricing.AsOf{Reference: 4, Control: 20}
		return s, p, log
	}
	s, p, log := gone(t)
	if a, err := p.Apply(t.Context(), january2019); err != nil || a.After != (Applied{Applied: 3}) {
		t.Errorf("%+v, %v; want 3 applied", a, err)
	}
	if proof := log.prove(t); len(proof.Faults) > 0 || proof.Runs != 1 || proof.Since != 0 {
		t.Errorf("%+v", proof)
	}
	if got := s.counting[s.records[3].Position]; got.Outcome.AsOf != now {
		t.Errorf("it was priced as of %+v, the record says %+v", got.Outcome.AsOf, now)
	}

	for want, change := range map[string]func(p *Repricer, a *AppliedRun){
		"it was priced by engine 0 and time zones":   func(_ *Repricer, a *AppliedRun) { a.Engine = "0" },
		"it was priced with another list of issuers": func(p *Repricer, _ *AppliedRun) { p.AsOf.Issuers = "another" },
		"they do not change: run `roamclear verify`": func(_ *Repricer, a *AppliedRun) { a.Cut = Ends{} },
	} {
		s, p, log := gone(t)
		old := log.list[0].ID()
		change(p, &log.list[0])
		for i := range s.noted {
			if s.noted[i].ID == old {
				s.noted[i].ID = log.list[0].ID()
			}
		}
		audit := january2019
		audit.Run = "audit"
		before := fmt.Sprint(s.counting)
		if err := p.Restart(t.Context(), audit); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), fmt.Sprintf("finish the re-pricing %q first, which control record 10 says was applied and 2 results of which are still to be replaced", january2019.Name())) {
			t.Errorf("begun anew: %v, want %q", err, want)
		}
		ran(t, p, audit, 2)
		if _, err := p.Apply(t.Context(), audit); err == nil || !strings.Contains(err.Error(), want) || fmt.Sprint(s.counting) != before || len(log.list) != 1 {
			t.Errorf("another run: %v, want %q", err, want)
		}
	}
}

// Two processes that apply one run at once do not stand in each other's way, wherever in
// it the other is: they price the same, note the same, and the log has one record of it.
func TestTwoProcessesApplyOneRun(t *testing.T) {
	for at := range 12 {
		for _, later := range []int64{0, 1} { // records that came to the log between
			s, p := debtorsCome()
			log := p.Log.(*appliedLog)
			ran(t, p, january2019, 3)
			meanwhile := func() {
				other := *p
				other.AsOf.Control += later
				if a, err := other.Apply(t.Context(), january2019); err != nil || a.After != (Applied{Applied: 3}) {
					t.Errorf("the other one, %d later, before write %d: %+v, %v", later, at, a, err)
				}
			}
			var once sync.Once
			s.writes, s.before = 0, func(write int) {
				if write == at {
					once.Do(meanwhile)
				}
			}
			a, err := p.Apply(t.Context(), january2019)
			s.before = nil
			once.Do(meanwhile)
			if err != nil && !errors.Is(err, ErrMeanwhile) || err == nil && a.After != (Applied{Applied: 3}) {
				t.Errorf("%d later, before write %d: %+v, %v", later, at, a, err)
			}
			if later == 0 && err != nil {
				t.Errorf("before write %d: %v, and both have priced by the same part of the log", at, err)
			}
			if a, err := p.Apply(t.Context(), january2019); err != nil || a.After != (Applied{Applied: 3}) {
				t.Errorf("%d later, before write %d, again: %+v, %v", later, at, a, err)
			}
			if proof := log.prove(t); proof.Runs != 1 || proof.CDRs != 3 || proof.Since != 0 || len(proof.Faults) > 0 {
				t.Errorf("%d later, before write %d: %+v", later, at, proof)
			}
		}
	}
}

// A reject that is healed while a run is applied stays as it was healed, and the next run
// may give it the version that this one was to.
func TestAResultHealedMeanwhile(t *testing.T) {
	s, p := debtorsCome()
	log := p.Log.(*appliedLog)
	ran(t, p, january2019, 3)
	at := s.records[3].Position
	s.before = func(int) {
		if len(log.list) == 1 {
			s.before = nil
			c := s.counting[at]
			pricing.NewPricer(noInputs{}, p.Policies).Price(&s.records[3], &c.Row, now)
			c.Version = versionOf(&c.Row)
			s.counting[at] = c
		}
	}
	if _, err := p.Apply(t.Context(), january2019); err != nil {
		t.Fatal(err)
	}
	if proof := log.prove(t); proof.Since != 1 || len(proof.Faults) > 0 {
		t.Errorf("%+v, want one replaced by another", proof)
	}
	s.records[3].Body = []byte(strings.Replace(string(s.records[3].Body), `"price":0.30`, `"price":0.60`, 1))
	audit := january2019
	audit.Run = "audit"
	ran(t, p, audit, 1)
	if _, err := p.Apply(t.Context(), audit); err != nil {
		t.Fatal(err)
	}
	if proof := log.prove(t); proof.Runs != 2 || proof.Since != 1 || len(proof.Faults) > 0 {
		t.Errorf("%+v, want the first run's result replaced by the second's", proof)
	}
}

// What another run comes to replace between is told, and nothing is applied then; what a
// run noted that died before its record is removed once none can name it.
func TestAnotherRunIsAppliedMeanwhile(t *testing.T) {
	s, p := debtorsCome()
	log := p.Log.(*appliedLog)
	ran(t, p, january2019, 3)
	log.list = append(log.list, AppliedRun{Run: "another", AsOf: pricing.AsOf{Control: 9}, Offset: 12})
	s.noted = []notedRun{{NotedRun: NotedRun{99, 7}}, {NotedRun: NotedRun{98, 13}}}
	if a, err := p.Apply(t.Context(), january2019); !errors.Is(err, ErrMeanwhile) || a.After != (Applied{Pending: 3}) {
		t.Errorf("%+v, %v; want it refused", a, err)
	}
	p.AsOf.Control = 13
	if a, err := p.Apply(t.Context(), january2019); err != nil || a.After != (Applied{Applied: 3}) {
		t.Errorf("%+v, %v; want 3 applied", a, err)
	}
	noted, _ := s.Noted(t.Context())
	if last := log.list[1]; len(noted) != 2 || noted[0].ID != 98 || noted[1].ID != last.ID() {
		t.Errorf("noted are %v, want what may be recorded still, and %x", noted, last.ID())
	}
}

// Whatever of an applied run is not as the log says is told.
func TestProofOfWhatWasApplied(t *testing.T) {
	for want, damage := range map[string]func(s *repriceStore, a *AppliedRun){
		"replaced 4 results, and the store has 3 of them": func(_ *repriceStore, a *AppliedRun) { a.Count++ },
		"replaced results of digest 00":                   func(_ *repriceStore, a *AppliedRun) { a.Digest[0] = 0 },
		"and the store has 0 of them":                     func(s *repriceStore, _ *AppliedRun) { s.noted = nil },
		"is not finished: 1 of its results":               func(s *repriceStore, a *AppliedRun) { s.restore(a, 1) },
		"found another result of GB*DUN*C-0 than the one that stands as its own, and so of 1 CDRs in all": func(s *repriceStore, a *AppliedRun) {
			s.restore(a, 2)
		},
		"": func(s *repriceStore, a *AppliedRun) { s.restore(a, 3) }, // by yet another price
	} {
		s, p := debtorsCome()
		log := p.Log.(*appliedLog)
		ran(t, p, january2019, 3)
		if _, err := p.Apply(t.Context(), january2019); err != nil {
			t.Fatal(err)
		}
		damage(s, &log.list[0])
		proof := log.prove(t)
		if want == "" && (len(proof.Faults) > 0 || proof.Since != 1) || want != "" && (len(proof.Faults) != 1 || !strings.Contains(proof.Faults[0], want)) {
			t.Errorf("%+v, want %q", proof, want)
		}
	}
}

// restore has the result of C-0 be the one of before (1), changed (2), or a later one (3).
func (s *repriceStore) restore(a *AppliedRun, how int) {
	at := ingest.Position{Epoch: 1}
	c := s.counting[at]
	switch how {
	case 1:
		c.Version = s.note(a.ID()).cdrs[at].Version
	case 2:
		c.Outcome.Reason = "changed"
	case 3:
		c.Version++
	}
	s.counting[at] = c
}

// What is noted in the store is found by this for ever.
func TestIDOfAnAppliedRun(t *testing.T) {
	a := AppliedRun{Run: "audit", From: 201901, To: 201903, Profile: "STEP_NONE", Cut: Ends{parts[1]: 2, parts[0]: 3}, AsOf: pricing.AsOf{Reference: 1, Control: 2, Issuers: "x"}, Engine: "3", ZoneDB: "2025c", Count: 9}
	if got := a.ID(); got != 0x2df7a1f703cf113c {
		t.Errorf("ID is %#x", got)
	}
}
