package chaos

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/roamclear/roamclear/benchmarks/process"
)

// ClosesResult is what came of a run of kills during closes.
type ClosesResult struct {
	Rounds      int
	CDRs        int
	Happened    int // closes that counted though the service was killed
	Not         int // those of which nothing is left
	Answered    int // of those that happened, whose answer had come
	Waiting     int // requests that waited for their approval after a kill
	Verified    int // times that verify was green
	Statements  int
	LongestBack time.Duration
	// Window is in which time kills came, in the end: so that about as many closes are done
	// by then as are not.
	Window     time.Duration
	Violations []string
}

func (r *ClosesResult) violate(format string, args ...any) {
	if len(r.Violations) < maxViolations {
		r.Violations = append(r.Violations, fmt.Sprintf(format, args...))
	}
}

// verifyEach is after how many rounds all is verified.
const verifyEach = 20

// Bounds of the window of kills.
const (
	shortestWindow = 50 * time.Millisecond
	longestWindow  = 20 * time.Second
)

// toClose is a pair and a month, the first of them that is open.
type toClose struct{ cpo, emsp, month string }

// closes is a run of kills during closes.
type closes struct {
	run
	result  ClosesResult
	token   string // of the admin interface
	approve string // a key that approves
	pairs   []toClose
	numbers map[string][]int // of statements, by creditor
}

// Closes pushes one world, then closes its months pair by pair, by one key or by two, and
// kills the service at a random moment of each close. Afterwards it must have happened
// wholly, or not at all; the statements of a creditor have the numbers 1 to n; and verify
// is green. An error means that the run could not be carried out.
func Closes(ctx context.Context, o Options) (_ *ClosesResult, err error) {
	o.Concurrency = cmp.Or(o.Concurrency, 16)
	c := &closes{run: run{options: o, random: rand.New(rand.NewPCG(o.Seed, 2))}, numbers: map[string][]int{}}
	if c.listen, err = process.FreeAddress(); err != nil {
		return nil, err
	}
	if err := c.start(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.service.Kill()) }()
	if err := c.world(ctx); err != nil {
		return nil, err
	}
	// One that nobody disturbs says in which time kills are worth it.
	began := time.Now()
	if err := c.post(ctx, "/admin/v1/periods/closes", c.token, c.pairs[0].body()); err != nil {
		return nil, err
	}
	c.result.Window = max(shortestWindow, 2*time.Since(began))
	if err := c.happened(ctx, c.pairs[0]); err != nil {
		return nil, err
	}
	for n := range o.Rounds {
		if err := c.round(ctx, n); err != nil {
			return &c.result, fmt.Errorf("round %d: %w", n+1, err)
		}
	}
	return &c.result, c.conclude(ctx)
}

// world pushes one, waits until the report has all of it, and lists what there is to close.
func (c *closes) world(ctx context.Context) error {
	p, err := newPartners(ctx, c.service, c.options)
	if err != nil {
		return err
	}
	if err := p.series(ctx, 1); err != nil {
		return err
	}
	var all Result
	if err := p.compare(ctx, c.service.URL, &all); err != nil || len(all.Violations) > 0 {
		return errors.Join(err, fmt.Errorf("before any close: %v", all.Violations))
	}
	c.result.CDRs = p.counted
	token, err := os.ReadFile(filepath.Join(c.service.Data, "admin-token"))
	if err != nil {
		return err
	}
	c.token = strings.TrimSpace(string(token))
	if c.approve, err = c.service.Run(ctx, "key", "add", "--scope", "finance:approve"); err != nil {
		return err
	}
	for line := range p.accepted.Lines {
		c.pairs = append(c.pairs, toClose{line.CPO.String(), line.EMSP.String(), line.Month})
	}
	slices.SortFunc(c.pairs, func(a, b toClose) int {
		return cmp.Or(cmp.Compare(a.month, b.month), cmp.Compare(a.cpo, b.cpo), cmp.Compare(a.emsp, b.emsp))
	})
	c.pairs = slices.Compact(c.pairs) // one that has several currencies
	return nil
}

func (t toClose) body() map[string]any {
	return map[string]any{"period": t.month, "cpo": t.cpo, "emsp": t.emsp, "undecided": "carry"}
}

// round closes what is next, kills the service meanwhile, and looks what came of it.
func (c *closes) round(ctx context.Context, n int) error {
	next := c.pairs[0]
	answered := make(chan error, 1)
	closing, cancel := context.WithCancel(ctx)
	defer cancel()
	between := time.Duration(c.random.Int64N(int64(c.result.Window)))
	go func() { answered <- c.close(closing, next, n%2 == 1, between) }()
	if err := pause(ctx, time.Duration(c.random.Int64N(int64(c.result.Window)+1))); err != nil {
		return err
	}
	killed := time.Now()
	if err := c.service.Kill(); err != nil {
		return err
	}
	cancel() // nothing of it may reach the one that is started now
	done := <-answered
	var err error
	if c.service, err = c.serve(); err != nil {
		return err
	}
	within, stop := context.WithTimeout(ctx, backWithin)
	defer stop()
	if err := c.service.Ready(within); err != nil {
		return err
	}
	c.result.LongestBack = max(c.result.LongestBack, time.Since(killed))
	c.result.Rounds++
	closed, waits, err := c.closed(ctx, next)
	if err != nil {
		return err
	}
	issued, drafts, err := c.statements(ctx, next)
	if err != nil {
		return err
	}
	outcome := "has not happened"
	switch {
	case closed:
		c.result.Window = max(c.result.Window*9/10, shortestWindow)
		outcome = "happened"
		c.result.Happened++
		if done == nil {
			c.result.Answered++
		}
		if err := c.happened(ctx, next); err != nil {
			return err
		}
	default:
		c.result.Window = min(c.result.Window*11/10, longestWindow)
		c.result.Not++
		if waits {
			outcome += ", and waits for its approval"
			c.result.Waiting++
		}
		if done == nil {
			c.result.violate("round %d: the close of %v was answered, and has not happened", n+1, next)
		}
		if issued > 0 {
			c.result.violate("round %d: %d statements of %v are issued, and it is not closed", n+1, issued, next)
		}
	}
	if closed && drafts > 0 {
		c.result.violate("round %d: %v is closed, and has %d drafts", n+1, next, drafts)
	}
	if _, err := fmt.Fprintf(c.options.Log, "round %3d of %d: %v %s\n", n+1, c.options.Rounds, next, outcome); err != nil {
		return err
	}
	if (n+1)%verifyEach == 0 {
		c.verify(ctx)
	}
	return nil
}

// close closes, by one key or by two, of which the second takes some time.
func (c *closes) close(ctx context.Context, t toClose, byTwo bool, between time.Duration) error {
	if !byTwo {
		return c.post(ctx, "/admin/v1/periods/closes", c.token, t.body())
	}
	var asked struct{ Record int64 }
	if err := c.ask(ctx, http.MethodPost, "/admin/v1/periods/requests", c.token, t.body(), &asked); err != nil {
		return err
	}
	if err := pause(ctx, between); err != nil {
		return err
	}
	return c.post(ctx, "/api/v1/periods/approvals", c.approve, map[string]any{"request": asked.Record})
}

// closed reports whether a close of it counts, or a request for it waits.
func (c *closes) closed(ctx context.Context, t toClose) (closed, waits bool, err error) {
	type scope struct{ Period, CPO, EMSP string }
	var list struct{ Closes, Requests []scope }
	err = c.ask(ctx, http.MethodGet, "/admin/v1/periods", c.token, nil, &list)
	is := scope{t.month, t.cpo, t.emsp}
	return slices.Contains(list.Closes, is), slices.Contains(list.Requests, is), err
}

type listed struct {
	CPO    string
	Issued bool
	Number *string
	Lines  int
}

func (c *closes) list(ctx context.Context, t toClose) ([]listed, error) {
	var list struct{ Statements []listed }
	q := url.Values{"period": {t.month}, "cpo": {t.cpo}, "emsp": {t.emsp}}
	err := c.ask(ctx, http.MethodGet, "/admin/v1/statements?"+q.Encode(), c.token, nil, &list)
	return list.Statements, err
}

// statements counts what was issued of it, and what would be.
func (c *closes) statements(ctx context.Context, t toClose) (issued, drafts int, err error) {
	list, err := c.list(ctx, t)
	for _, s := range list {
		switch {
		case s.Issued:
			issued++
		case s.Lines > 0:
			drafts++
		}
	}
	return issued, drafts, err
}

// happened notes the numbers of what is closed, which is not closed again.
func (c *closes) happened(ctx context.Context, t toClose) error {
	list, err := c.list(ctx, t)
	if err != nil {
		return err
	}
	for _, s := range list {
		if !s.Issued || s.Number == nil {
			continue
		}
		n, err := strconv.Atoi(*s.Number)
		if err != nil {
			return err
		}
		c.numbers[s.CPO] = append(c.numbers[s.CPO], n)
		c.result.Statements++
	}
	if c.pairs = c.pairs[1:]; len(c.pairs) == 0 {
		return errors.New("nothing is left to close: more rows, or fewer rounds")
	}
	return nil
}

func (c *closes) verify(ctx context.Context) {
	if out, err := c.service.Run(ctx, "verify", "--quiet"); err != nil {
		c.result.violate("verify: %v %s", err, out)
		return
	}
	c.result.Verified++
}

// conclude closes what comes next without a kill, and holds everything against each other.
func (c *closes) conclude(ctx context.Context) error {
	if err := c.post(ctx, "/admin/v1/periods/closes", c.token, c.pairs[0].body()); err != nil {
		return err
	}
	if len(c.pairs) > 1 {
		if err := c.happened(ctx, c.pairs[0]); err != nil {
			return err
		}
	}
	for _, cpo := range slices.Sorted(maps.Keys(c.numbers)) {
		numbers := c.numbers[cpo]
		slices.Sort(numbers)
		for i, n := range numbers {
			if n != i+1 {
				c.result.violate("the statements of %s have the numbers %v", cpo, numbers)
				break
			}
		}
	}
	c.verify(ctx)
	return c.service.Stop(backWithin)
}

func (c *closes) post(ctx context.Context, path, token string, body any) error {
	return c.ask(ctx, http.MethodPost, path, token, body, nil)
}

// ask sends a request and reads the answer.
func (c *closes) ask(ctx context.Context, method, path, token string, body, into any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, c.service.URL+path, bytes.NewReader(b))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // only read
	answer, err := io.ReadAll(io.LimitReader(response.Body, 64<<20))
	if err != nil {
		return err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s %s: HTTP %d %.300s", method, path, response.StatusCode, answer)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}
