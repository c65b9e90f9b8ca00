package statement

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/shopspring/decimal"
)

// Cut is up to where the logs count for a close.
type Cut struct {
	CDRs      settlement.Ends
	Reference int64
	Control   int64
}

// Logs says how far the logs reach, and how far they are worked off.
type Logs interface {
	// Cut returns where the logs end now.
	Cut(ctx context.Context) (Cut, error)
	// Reach waits until everything below a cut is stored, priced and folded, decisions too,
	// and tells what lags now and then. It waits for a bounded time: its error says what
	// lags still.
	Reach(ctx context.Context, c Cut, lags func(what string)) error
}

// Control is the control log as a close sees it.
type Control interface {
	// Agreed returns what holds by the records below an offset, which are folded.
	Agreed(below int64) Agreed
	// Refuses returns why a close by an attempt, or a request for one, would be refused now,
	// nil where it would not.
	Refuses(a clearing.Attempt) *clearing.NotClosed
	// Doomed reports whether what an attempt wrote can never count.
	Doomed(a clearing.Attempt) bool
	// ClosePeriod appends the one record that has an attempt count. The cause of a refusal
	// is a *clearing.NotClosed.
	ClosePeriod(ctx context.Context, n clearing.NewClosing) (*clearing.Closing, error)
	// RequestPeriod appends the record that asks another key to have an attempt count.
	RequestPeriod(ctx context.Context, n clearing.NewClosing) (*clearing.Request, error)
	// Request reads what a control record asks for; the error is a *clearing.NotClosed where
	// it asks for nothing.
	Request(ctx context.Context, record int64) (*clearing.Request, error)
	RefusesApproval(r *clearing.Request, by string) *clearing.NotClosed
	// ApprovePeriod appends the record that has the attempt of a request count.
	ApprovePeriod(ctx context.Context, r *clearing.Request, by string) (*clearing.Closing, error)
}

// Closer closes periods: it draws all statements of a scope, has the store keep them, and
// lets the control log say that they count.
type Closer struct {
	Books   Books
	Issues  IssueStore
	Logs    Logs
	Control Control
	// Turn is taken before it reads and writes statements, nil: nobody takes turns. It
	// returns what ends it. A close that waits for others to price needs none.
	Turn func(context.Context) (leave func(), err error)
}

func (c *Closer) inTurn(ctx context.Context) (leave func(), err error) {
	if c.Turn == nil {
		return func() {}, nil
	}
	return c.Turn(ctx)
}

// CloseRequest says what to close.
type CloseRequest struct {
	Scope  clearing.Scope
	Period ocpi.Month
	// Carry leaves what is held to a later period, also where an agreement refuses to.
	Carry bool
	// Request asks another key to approve: all is written, and nothing counts yet.
	Request bool
	By      string
	// Now is when the request came: the period must have ended by then, in the zone of
	// each pair.
	Now ocpi.Time
	// Told is told how far it is, nil: nobody is.
	Told func(CloseProgress)
}

// CloseProgress is how far a close is.
type CloseProgress struct {
	Stage      CloseStage
	Lags       string // while it waits: for what
	Statements int
	Lines      int64
}

// CloseStage is what a close does.
type CloseStage string

// Stages, in their order. The last four come again where what a close rests on was changed.
const (
	StageWaiting   CloseStage = "waiting"
	StageDrawing   CloseStage = "drawing"
	StageWriting   CloseStage = "writing"
	StageReading   CloseStage = "reading back"
	StageAppending CloseStage = "appending"
)

// CloseResult is what a close came to.
type CloseResult struct {
	// Closing is the close, Request what asks for one; both are nil where the period was
	// closed before, as Already says.
	Closing *clearing.Closing
	Request *clearing.Request
	Already *clearing.NotClosed
	Carried []Undecided // what was left to a later period
}

// EndedError says that a period has not ended yet for a pair.
type EndedError struct {
	CPO, EMSP ocpi.Party // zero: of the scope itself
	Period    ocpi.Month
	Zone      string
}

// Error names the zone in which it has not.
func (e *EndedError) Error() string {
	of := ""
	switch {
	case !e.CPO.IsZero() && !e.EMSP.IsZero():
		of = fmt.Sprintf(" for %s and %s", e.CPO, e.EMSP)
	case !e.CPO.IsZero():
		of = fmt.Sprintf(" for %s as CPO", e.CPO)
	case !e.EMSP.IsZero():
		of = fmt.Sprintf(" for %s as eMSP", e.EMSP)
	}
	return fmt.Sprintf("%s has not ended yet%s: it ends with the month in %s", e.Period, of, e.Zone)
}

// UndrawnError says that nobody can say what a pair owes.
type UndrawnError struct {
	CPO, EMSP ocpi.Party
	Currency  string
	Err       error
}

// Error names the pair.
func (e *UndrawnError) Error() string {
	return fmt.Sprintf("there is no statement of %s to %s in %s: %v", e.CPO, e.EMSP, e.Currency, e.Err)
}

// Unwrap returns why.
func (e *UndrawnError) Unwrap() error { return e.Err }

// maxTries is how often a close is computed anew where what it rests on was changed.
const maxTries = 3

// errMoved says that results were changed while a close read them.
var errMoved = errors.New("results were changed meanwhile")

// errNotWhole says that the store does not have all that a close wrote.
var errNotWhole = errors.New("not what was written")

// Close closes a period. Errors: *clearing.NotClosed, *EndedError, *UndecidedError,
// *UndrawnError, *DamagedError, and those of what it rests on. Whatever the error, either
// nothing was closed or the control log says that all of it was; to try again is harmless.
func (c *Closer) Close(ctx context.Context, r CloseRequest) (*CloseResult, error) {
	for try := 1; ; try++ {
		result, err := c.try(ctx, r)
		why, refused := errors.AsType[*clearing.NotClosed](err)
		switch {
		case refused && why.Why == clearing.AlreadyClosed:
			return &CloseResult{Already: why}, nil
		case try < maxTries && (refused && why.Again() || errors.Is(err, errMoved)):
			continue
		case err != nil:
			return nil, fmt.Errorf("close %s of %s: %w", r.Period, r.Scope, err)
		}
		return result, nil
	}
}

func (c *Closer) try(ctx context.Context, r CloseRequest) (*CloseResult, error) {
	// Whatever was changed of late will be below the cut.
	if why := c.Control.Refuses(clearing.Attempt{ID: clearing.AttemptID(0, r.Request), Scope: r.Scope, Period: r.Period, Control: math.MaxInt64}); why != nil {
		return nil, why
	}
	cut, err := c.Logs.Cut(ctx)
	if err != nil {
		return nil, err
	}
	told := r.Told
	if told == nil {
		told = func(CloseProgress) {}
	}
	if err := c.Logs.Reach(ctx, cut, func(what string) { told(CloseProgress{Stage: StageWaiting, Lags: what}) }); err != nil {
		return nil, err
	}
	leave, err := c.inTurn(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := c.sweep(ctx); err != nil {
		return nil, err
	}
	t := &closing{Closer: c, r: r, cut: cut, agreed: c.Control.Agreed(cut.Control), told: told}
	if err := t.ended(r.Scope.CPO, r.Scope.EMSP); err != nil {
		return nil, err
	}
	return t.close(ctx)
}

// sweep deletes what attempts wrote that can never count.
func (c *Closer) sweep(ctx context.Context) error {
	attempts, err := c.Issues.Attempts(ctx)
	if err != nil {
		return err
	}
	var doomed []clearing.Attempt
	for _, a := range attempts {
		if c.Control.Doomed(a) {
			doomed = append(doomed, a)
		}
	}
	if len(doomed) == 0 {
		return nil
	}
	return c.Issues.Sweep(ctx, doomed)
}

// closing is one try to close a period.
type closing struct {
	*Closer
	r      CloseRequest
	cut    Cut
	agreed Agreed
	told   func(CloseProgress)
	zones  map[string]bool // in which the period has ended
}

// close draws everything twice: to see whether it can be closed, and which attempt it is,
// then to write it. So nothing is written of what is refused, and the same attempt has the
// same lines whoever tries it when.
func (t *closing) close(ctx context.Context) (*CloseResult, error) {
	undecided := newUndecided(t)
	drawn, err := t.draw(ctx, StageDrawing, 0, func(d *Draft, _ *Issue, _ []IssuedLine) error {
		if d.Err != nil {
			return &UndrawnError{d.CPO, d.EMSP, d.Currency, d.Err}
		}
		if err := t.ended(d.CPO, d.EMSP); err != nil {
			return err
		}
		undecided.add(d)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := undecided.refuses(); err != nil {
		return nil, err
	}
	n := clearing.NewClosing{
		Attempt: clearing.Attempt{ID: t.id(drawn), Scope: t.r.Scope, Period: t.r.Period, Control: t.cut.Control},
		Cut:     t.cut.CDRs, Reference: t.cut.Reference, Lines: drawn.lines, Net: drawn.net,
		Statements: drawn.creditors, Root: ingest.Digest(drawn.root.sum()), By: t.r.By,
	}
	if err := t.Issues.Begin(ctx, n.Attempt); err != nil {
		return nil, err
	}
	if err := t.write(ctx, n.ID, drawn); err != nil {
		return nil, err
	}
	if err := t.readBack(ctx, &n, t.told, nil); err != nil {
		return nil, err
	}
	t.told(CloseProgress{Stage: StageAppending, Statements: drawn.statements, Lines: drawn.lines})
	result := &CloseResult{Carried: undecided.carried.list()}
	if t.r.Request {
		result.Request, err = t.Control.RequestPeriod(ctx, n)
	} else {
		result.Closing, err = t.Control.ClosePeriod(ctx, n)
	}
	if err != nil {
		return nil, err
	}
	return result, nil
}

// ended refuses a period that has not ended in the zone of a pair.
func (t *closing) ended(cpo, emsp ocpi.Party) error {
	zone := t.agreed.Terms(cpo, emsp, t.r.Period).Zone
	if t.zones[zone.Name()] {
		return nil
	}
	if clearing.Belongs(t.r.Now, zone) <= t.r.Period {
		return &EndedError{cpo, emsp, t.r.Period, zone.Name()}
	}
	t.zones = marked(t.zones, zone.Name())
	return nil
}

// draw draws all statements of the scope, and tallies them.
func (t *closing) draw(ctx context.Context, stage CloseStage, attempt uint64, fn func(*Draft, *Issue, []IssuedLine) error) (*tally, error) {
	sums := newTally()
	drawer := Drawer{Books: t.Books, Agreed: t.agreed}
	q := Query{CPO: t.r.Scope.CPO, EMSP: t.r.Scope.EMSP, Period: t.r.Period, Below: t.cut.CDRs, Debtless: true}
	err := drawer.Draw(ctx, q, func(d *Draft) error {
		var issue *Issue
		if len(d.Lines) > 0 {
			i := d.issue(attempt, sums.rank(d.CPO))
			issue = &i
			sums.add(issue)
		}
		lines := d.issued(attempt)
		sums.write(lines)
		t.told(CloseProgress{Stage: stage, Statements: sums.statements, Lines: sums.lines})
		return fn(d, issue, lines)
	})
	return sums, err
}

// Blocks in which a close writes.
const (
	blockLines  = 50_000
	blockIssues = 1_000
)

// write has the store keep what was drawn.
func (t *closing) write(ctx context.Context, attempt uint64, drawn *tally) error {
	w := blocks{ctx: ctx, into: t.Issues, attempt: attempt}
	again, err := t.draw(ctx, StageWriting, attempt, func(_ *Draft, i *Issue, lines []IssuedLine) error { return w.add(i, lines) })
	if err == nil {
		err = w.flush()
	}
	if err := errors.Join(err, w.written()); err != nil {
		return err
	}
	if again.content.sum() != drawn.content.sum() {
		return errMoved
	}
	return nil
}

// blocks writes lines and statements in blocks. One of lines is written while the next one is
// drawn.
type blocks struct {
	ctx     context.Context
	into    IssueStore
	attempt uint64
	lines   []IssuedLine
	spare   []IssuedLine // those that are being written, and then their memory
	writing chan error   // nil where none are
	issues  []Issue
	nLines  int // blocks written
	nIssues int
}

func (b *blocks) add(i *Issue, lines []IssuedLine) error {
	for len(lines) > 0 {
		n := min(len(lines), blockLines-len(b.lines))
		b.lines, lines = append(b.lines, lines[:n]...), lines[n:]
		if len(b.lines) == blockLines {
			if err := b.flushLines(); err != nil {
				return err
			}
		}
	}
	if i == nil {
		return nil
	}
	if b.issues = append(b.issues, *i); len(b.issues) == blockIssues {
		return b.flushIssues()
	}
	return nil
}

func (b *blocks) flush() error {
	if err := b.flushLines(); err != nil {
		return err
	}
	return b.flushIssues()
}

func (b *blocks) flushLines() error {
	if len(b.lines) == 0 {
		return nil
	}
	if err := b.written(); err != nil {
		return err
	}
	lines, n, writing := b.lines, b.nLines, make(chan error, 1)
	b.lines, b.spare, b.writing = b.spare[:0], lines, writing
	b.nLines++
	go func() { writing <- b.into.WriteLines(b.ctx, b.attempt, n, lines) }()
	return nil
}

// written waits for the lines that are being written.
func (b *blocks) written() error {
	if b.writing == nil {
		return nil
	}
	err := <-b.writing
	b.writing = nil
	return err
}

func (b *blocks) flushIssues() error {
	if len(b.issues) == 0 {
		return nil
	}
	if err := b.into.WriteIssues(b.ctx, b.attempt, b.nIssues, b.issues); err != nil {
		return err
	}
	b.issues = b.issues[:0]
	b.nIssues++
	return nil
}

// readBack makes sure that the store has what was drawn, before anything says so. What
// counts as issued is written before the lines, so whoever wrote both need not read it.
func (c *Closer) readBack(ctx context.Context, n *clearing.NewClosing, told func(CloseProgress), each func(*Issue, *Statement) error) error {
	kept := newTally()
	err := ReadIssued(ctx, c.Issues, IssueQuery{Period: n.Period}, []uint64{n.ID}, func(i *Issue, s *Statement) error {
		if rank := kept.rank(i.CPO); i.Rank != rank {
			return &DamagedError{*i, fmt.Sprintf("its rank is %d, and was %d", i.Rank, rank)}
		}
		if of := i.inMonths(); of.Count != uint64(i.Lines) || !of.Net.Equal(i.Net) {
			return &DamagedError{*i, fmt.Sprintf("by months it has %d lines of %s, and %d of %s in all", of.Count, of.Net, i.Lines, i.Net)}
		}
		kept.add(i)
		told(CloseProgress{Stage: StageReading, Statements: kept.statements, Lines: kept.lines})
		if each != nil {
			return each(i, s)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if root := ingest.Digest(kept.root.sum()); !slices.Equal(kept.creditors, n.Statements) || kept.lines != n.Lines || root != n.Root {
		return fmt.Errorf("%w: the store has %d lines, root %x, statements %v, of the %d lines, root %x, statements %v, that were written",
			errNotWhole, kept.lines, root, kept.creditors, n.Lines, n.Root, n.Statements)
	}
	return nil
}

// id is the attempt of what was drawn: what it rests on, and what it is.
func (t *closing) id(drawn *tally) uint64 {
	h := newHasher()
	by := clearing.RunningEditions()
	h.text(t.r.Scope.CPO.String(), t.r.Scope.EMSP.String(), t.r.Period.String(), by.Engine, by.ZoneDB, by.Rules)
	for _, p := range sortedPartitions(t.cut.CDRs) {
		h.whole(int64(p.Epoch), int64(p.Number), t.cut.CDRs[p])
	}
	h.whole(t.cut.Reference, t.cut.Control)
	content := drawn.content.sum()
	h.text(string(content[:]))
	return clearing.AttemptID(h.id(), t.r.Request)
}

// add adds a statement.
func (s *tally) add(i *Issue) {
	s.statements++
	s.lines += int64(i.Lines)
	s.net[i.Currency] = s.net[i.Currency].Add(i.Net)
	if n := len(s.creditors); n > 0 && s.creditors[n-1].CPO == i.CPO {
		s.creditors[n-1].Count++
	} else {
		s.creditors = append(s.creditors, clearing.Creditor{CPO: i.CPO, Count: 1})
	}
	s.root.text(i.CPO.String(), i.EMSP.String(), i.Currency, i.Digest)
}

// tally is what the statements of an attempt are together.
type tally struct {
	statements int
	lines      int64
	net        map[string]decimal.Decimal // by currency
	creditors  []clearing.Creditor
	root       *hasher // of the statements
	content    *hasher // of all that is written
}

func newTally() *tally {
	return &tally{net: map[string]decimal.Decimal{}, root: newHasher(), content: newHasher()}
}

// rank is that of the next statement of a CPO.
func (s *tally) rank(cpo ocpi.Party) int {
	if n := len(s.creditors); n > 0 && s.creditors[n-1].CPO == cpo {
		return int(s.creditors[n-1].Count)
	}
	return 0
}

// write adds lines and marks.
func (s *tally) write(lines []IssuedLine) {
	var b []byte
	for i := range lines {
		l := &lines[i]
		zeroed := int64(0)
		if l.Zeroed {
			zeroed = 1
		}
		s.content.text(l.EMSP.String(), l.Currency, l.Key.String(), text(l.Tax), l.Claim.String())
		s.content.whole(int64(l.Version), int64(l.Month), zeroed)
		b = l.Line.append(b[:0])
		s.content.text(string(b))
	}
}
