package chaos

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/roamclear/roamclear/benchmarks/process"
	"github.com/roamclear/roamclear/benchmarks/world"
)

// partners push world after world and remember what was acknowledged.
type partners struct {
	options  Options
	url, key string
	tokens   map[string]string

	accepted world.Reference
	lines    map[world.Line]map[string]bool // identities by settlement line
	counted  int
	sessions sessions
	requests int
	retries  int

	unexpected int // answers that no push calls for, such as 404 to a PATCH of what was put
	examples   []string
}

// newPartners makes the partners known to the service.
func newPartners(ctx context.Context, s *process.Roamclear, o Options) (*partners, error) {
	p := &partners{options: o, url: s.URL, tokens: map[string]string{}, sessions: sessions{}, lines: map[world.Line]map[string]bool{}}
	for _, partner := range world.Partners() {
		token, err := s.AddPartner(ctx, partner)
		if err != nil {
			return nil, err
		}
		p.tokens[partner.Party.String()] = token
	}
	var err error
	p.key, err = s.AddKey(ctx)
	return p, err
}

// push pushes series of worlds until rounds is over; the series under way is
// finished.
func (p *partners) push(ctx, rounds context.Context) error {
	for series := 1; rounds.Err() == nil; series++ {
		if err := p.series(ctx, series); err != nil {
			return err
		}
	}
	return nil
}

// series pushes one world.
func (p *partners) series(ctx context.Context, series int) error {
	report, err := world.Push(ctx, world.Options{Seed: p.options.Seed, Rows: p.options.Rows, Series: fmt.Sprintf("%d-", series)}, world.PushOptions{
		BaseURL: p.url, Concurrency: p.options.Concurrency, Patience: 5 * time.Minute,
		Token: func(_ context.Context, partner world.Partner) (string, error) {
			return p.tokens[partner.Party.String()], nil
		},
		Accepted: p.accept,
	})
	p.requests += report.Requests
	p.retries += report.Retries
	if err != nil {
		return fmt.Errorf("series %d: %w", series, err)
	}
	p.unexpected += report.Unexpected
	p.examples = append(p.examples, report.Examples...)
	return nil
}

// accept remembers what the service acknowledged.
func (p *partners) accept(i *world.Item) {
	if i.Module == world.Sessions {
		p.sessions.accept(i)
	}
	if i.Module != world.CDRs {
		return
	}
	p.accepted.Accept(i)
	if !i.Class.Counts() {
		return
	}
	p.counted++
	line := world.Line{CPO: i.Sender, EMSP: i.Claim.EMSP, Month: i.Claim.Month(), Currency: i.Claim.Currency}
	if p.lines[line] == nil {
		p.lines[line] = map[string]bool{}
	}
	p.lines[line][i.Claim.Key.ID] = true
}

// compare waits until the settlement report has as many CDRs as were
// acknowledged, then holds every line against the reference. A line that
// differs is looked into CDR by CDR.
func (p *partners) compare(ctx context.Context, url string, r *Result) error {
	a := &api{url: url, key: p.key}
	want := &p.accepted
	from, to := span(want)
	deadline := time.Now().Add(settleWithin)
	var rows []settlementRow
	for {
		var err error
		rows, err = a.settlement(ctx, from, to)
		if err == nil && complete(rows, want) || time.Now().After(deadline) {
			if err != nil {
				return err
			}
			break
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return errors.Join(err, fmt.Errorf("last report: %d rows", len(rows)))
		}
	}
	reported := map[world.Line]*settlementRow{}
	for n := range rows {
		line, err := rows[n].line()
		if err != nil {
			return err
		}
		if reported[line] != nil {
			r.violate("%v stands twice in the report", line)
		}
		reported[line] = &rows[n]
		if want.Lines[line] == nil {
			r.violate("%v was never acknowledged: %d CDRs", line, rows[n].CDRs)
			r.Twice += rows[n].CDRs + rows[n].Credits
		}
	}
	for _, line := range want.Sorted() {
		differences := reported[line].differences(want.Lines[line])
		if len(differences) == 0 {
			continue
		}
		r.violate("%v: %v", line, differences)
		if err := p.lookInto(ctx, a, line, r); err != nil {
			return err
		}
	}
	return nil
}

// lookInto lists the CDRs of a line that differs.
func (p *partners) lookInto(ctx context.Context, a *api, line world.Line, r *Result) error {
	seen, err := a.cdrs(ctx, line)
	if err != nil {
		return err
	}
	for id := range p.lines[line] {
		if seen[id] == 0 {
			r.Missing++
			r.violate("%v: CDR %s was acknowledged and is missing", line, id)
		}
	}
	for id, n := range seen {
		if n > 1 || !p.lines[line][id] {
			r.Twice++
			r.violate("%v: CDR %s is there %d times, acknowledged: %t", line, id, n, p.lines[line][id])
		}
	}
	return nil
}

// span is the first and the last month of the reference.
func span(r *world.Reference) (from, to string) {
	for l := range r.Lines {
		if from == "" || l.Month < from {
			from = l.Month
		}
		to = max(to, l.Month)
	}
	return from, to
}

// complete reports whether the report has as many CDRs as the reference.
func complete(rows []settlementRow, want *world.Reference) bool {
	reported, acknowledged := 0, 0
	for n := range rows {
		reported += rows[n].CDRs + rows[n].Credits
	}
	for _, t := range want.Lines {
		acknowledged += t.CDRs + t.Credits
	}
	return reported >= acknowledged
}
