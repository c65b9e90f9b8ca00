package peer

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/roamclear/roamclear/ocpi"
)

// Plan says what a CPO does with commands of one type.
type Plan struct {
	Response string // CommandResponse.result; "" = ACCEPTED
	Timeout  int    // of the response, in seconds; 0 = 30
	Result   string // what is posted to the response_url; "" = ACCEPTED, None = nothing
	First    bool   // the result is posted before the response is written
	Twice    bool   // the result is posted twice
	Silent   bool   // no response comes: the request ends unanswered
	Status   ocpi.Status
	Charge   bool // a START_SESSION starts a charge, a STOP_SESSION ends one
}

// plan is what is done with commands of which nothing else was said.
func (f Fault) plan() Plan {
	switch f {
	case Silent:
		return Plan{Silent: true}
	case ResultLess:
		return Plan{Result: NoResult}
	case ResultTwice:
		return Plan{Twice: true}
	case ResultBefore:
		return Plan{First: true}
	}
	return Plan{}
}

// NoResult is the Result of who posts none.
const NoResult = "none"

// Commanded is a command that came, or the result of one that came to an eMSP.
type Commanded struct {
	Type        string
	Path        string // of a result: what the response_url had behind the module
	From, To    ocpi.Party
	Body        []byte
	ResponseURL string
}

// Do says what the peer does with commands of a type from now on.
func (p *Peer) Do(command string, plan Plan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plans[command] = plan
}

// Commanded returns the commands, or the results, that came, in order.
func (p *Peer) Commanded() []Commanded {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.commanded)
}

// ResponseURL is where an eMSP wants the result of a command.
func (p *Peer) ResponseURL(path string) string {
	return p.at(p.base("sender", "commands") + "/" + path)
}

func partiesOf(r *http.Request) (from, to ocpi.Party) {
	h := r.Header
	return ocpi.NewParty(h.Get(ocpi.HeaderFromCountry), h.Get(ocpi.HeaderFromParty)), ocpi.NewParty(h.Get(ocpi.HeaderToCountry), h.Get(ocpi.HeaderToParty))
}

// command takes a command (mod_commands, "Receiver Interface").
func (p *Peer) command(w http.ResponseWriter, r *http.Request) {
	body, members, ok := read(w, r)
	if !ok {
		return
	}
	c := Commanded{Type: r.PathValue("command"), Body: body}
	c.From, c.To = partiesOf(r)
	if json.Unmarshal(members["response_url"], &c.ResponseURL) != nil || c.ResponseURL == "" {
		reply(w, r, http.StatusOK, ocpi.StatusInvalid, "response_url: required", nil)
		return
	}
	p.mu.Lock()
	p.commanded = append(p.commanded, c)
	plan, ok := p.plans[c.Type]
	if !ok {
		plan = p.options.Fault.plan()
	}
	if plan.Charge && c.Type == "STOP_SESSION" && p.charges[text(members["session_id"])] == nil {
		plan = Plan{Response: "UNKNOWN_SESSION"}
	}
	p.mu.Unlock()
	if plan.Silent {
		<-r.Context().Done()
		return
	}
	if plan.Response == "" {
		plan.Response = "ACCEPTED"
	}
	if plan.First {
		p.conclude(r.Context(), &c, plan)
	}
	answer := map[string]any{"result": plan.Response}
	if p.options.Version != ocpi.V211 {
		answer["timeout"] = max(plan.Timeout, 0)
		if plan.Timeout == 0 {
			answer["timeout"] = 30
		}
	}
	status := ocpi.StatusSuccess
	if plan.Status != 0 {
		status = plan.Status
	}
	reply(w, r, http.StatusOK, status, "", answer)
	if flusher, ok := w.(http.Flusher); ok {
		flusher.Flush() // the response is on its way before the result
	}
	if plan.Response == "ACCEPTED" && !plan.First {
		p.going.Go(func() { p.conclude(context.WithoutCancel(r.Context()), &c, plan) })
	}
}

// conclude posts the result of a command, and does what it is about.
func (p *Peer) conclude(ctx context.Context, c *Commanded, plan Plan) {
	result := plan.Result
	if result == "" {
		result = "ACCEPTED"
	}
	times := 1
	if plan.Twice {
		times = 2
	}
	for range times {
		if result == NoResult {
			break
		}
		if err := p.Post(ctx, c.ResponseURL, map[string]any{"result": result}); err != nil {
			p.failed(err)
		}
	}
	if plan.Charge && result == "ACCEPTED" {
		if err := p.act(ctx, c); err != nil {
			p.failed(err)
		}
	}
}

// Post posts to a URL that the other side gave, by the token that it gave.
func (p *Peer) Post(ctx context.Context, at string, body any) error {
	p.mu.Lock()
	token := p.outgoing.token
	p.mu.Unlock()
	_, err := p.call(ctx, http.MethodPost, at, token, body, nil)
	return err
}

// text is a member's string, "" where it is none.
func text(member json.RawMessage) (s string) {
	if json.Unmarshal(member, &s) != nil {
		return ""
	}
	return s
}

// maxFailures bounds what is kept of them.
const maxFailures = 1_000

func (p *Peer) failed(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.failures) < maxFailures {
		p.failures = append(p.failures, err)
	}
}

// Failures returns what went wrong when the peer called the other side by itself.
func (p *Peer) Failures() []error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.failures)
}

// Failed is all of Failures, nil where there are none.
func (p *Peer) Failed() error { return errors.Join(p.Failures()...) }

// Wait returns when nothing that the peer does by itself is under way.
func (p *Peer) Wait() { p.going.Wait() }

// result takes the result of a command (mod_commands, "Sender Interface").
func (p *Peer) result(w http.ResponseWriter, r *http.Request) {
	body, _, ok := read(w, r)
	if !ok {
		return
	}
	c := Commanded{Path: r.PathValue("path"), Body: body}
	c.From, c.To = partiesOf(r)
	p.mu.Lock()
	p.commanded = append(p.commanded, c)
	p.mu.Unlock()
	reply(w, r, http.StatusOK, ocpi.StatusSuccess, "", nil)
}
