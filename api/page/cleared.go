package page

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
)

// clearedView is what becomes of a CDR.
type clearedView struct {
	State, Class, Sentence string
	Links                  []namedLink
	Grounds                []clearedGround
	Currency               string
	Lines                  []clearedLine
	Earlier                int
	Chain                  []chainLine
	ChainOwed              figure
	Decisions              []decisionLine
}

type namedLink struct{ Name, URL string }

// clearedGround is why something becomes of a CDR.
type clearedGround struct{ Effect, Class, Text, Rule string }

// clearedLine is a line that was issued, or would be.
type clearedLine struct {
	What, Number, URL, Period, Currency string
	CPO, EMSP                           namedParty
	Net, Tax                            figure
	Open                                bool
}

// chainLine is one of the CDRs that settle a charge.
type chainLine struct {
	Role, ID, URL, State, Class string
	Claim, Owed                 figure
	Here                        bool
}

// decisionLine is a decision about a CDR.
type decisionLine struct {
	What, When, By, Reason, Covers string
	Stands                         bool
}

// stateClasses are the classes of the tags of states.
var stateClasses = map[clearing.State]string{
	clearing.Accepted: "good", clearing.Zeroed: "plain", clearing.Held: "warn", clearing.Rejected: "bad", clearing.Before: "plain",
}

// addCleared adds what becomes of the CDR, and the form to decide about it.
func (s *server) addCleared(ctx context.Context, v visitor, view *cdrView, sent decideForm) error {
	if s.Traces == nil || s.Drafts == nil {
		return nil
	}
	k := view.CDR.Key
	found, err := rest.ReadCleared(ctx, s.Drafts, s.Traces, v.Key, k)
	if err != nil {
		return fmt.Errorf("read what becomes of cdr %s: %w", k, err)
	}
	if found == nil {
		return nil
	}
	view.Cleared = s.newClearedView(found, k, v)
	if s.decides(v) {
		view.Decide = newDecideForm(found, report.CDRPath(k), sent)
	}
	return nil
}

func (s *server) newClearedView(c *rest.Cleared, k ocpi.Key, v visitor) *clearedView {
	view := &clearedView{State: c.State.String(), Class: stateClasses[c.State], Sentence: clearedSentence(c), Currency: c.Currency, Earlier: c.Earlier}
	if c.Problem != nil {
		view.State, view.Class, view.Sentence = "cannot be said", "bad", *c.Problem
		return view
	}
	for _, code := range c.Waits {
		q := url.Values{"ground": {code}, "cpo": {k.Party.String()}}
		view.Links = append(view.Links, namedLink{"Queue: " + codeWords(code), address("/queue/cdrs", q)})
	}
	for _, g := range c.Grounds {
		one := clearedGround{Effect: g.Effect.String(), Class: effectClasses[g.Effect], Text: codeWords(g.Code)}
		if g.Sentence != nil {
			one.Text = *g.Sentence
		}
		if _, known := clearing.RuleOf(g.Code); known {
			one.Rule = "/rules#" + g.Code
		}
		view.Grounds = append(view.Grounds, one)
	}
	s.addLines(view, c)
	view.addChain(c, k)
	for i := range c.Decisions {
		view.Decisions = append(view.Decisions, s.newDecisionLine(&c.Decisions[i], v))
	}
	return view
}

// clearedSentence says what becomes of a CDR as one would say it.
func clearedSentence(c *rest.Cleared) string {
	owed := moneyWords(c.Owed, c.Currency)
	switch c.State {
	case clearing.Accepted:
		how := map[string]string{"claimed": ", as claimed", "computed": ", as computed", "both": ", as claimed and computed"}[orNone(c.Side)]
		return owed + " is owed" + how + "."
	case clearing.Zeroed:
		return "Nothing is owed: its line on the statement says zero."
	case clearing.Held:
		return "It waits: nothing is issued until its cause goes by itself, or somebody decides."
	case clearing.Rejected:
		if len(c.Issued) > 0 {
			return "Nothing is owed: what was issued of it is taken back."
		}
		return "Nothing is owed, and nothing is issued of it."
	}
	return "It belongs before settlement began here: it is settled elsewhere."
}

func moneyWords(amount, currency string) string { return textFigure(amount, 2).Text + " " + currency }

// addLines adds what was issued, and what a close now would add.
func (s *server) addLines(view *clearedView, c *rest.Cleared) {
	places := column{2}
	for i := range c.Issued {
		fitText(&places, c.Issued[i].Net)
		fitText(&places, orNone(c.Issued[i].Tax))
	}
	for i := range c.Open {
		fitText(&places, c.Open[i].Net)
		fitText(&places, orNone(c.Open[i].Tax))
	}
	add := func(l clearedLine, cpo, emsp string, correction bool, net string, tax *string) {
		creditor, _ := ocpi.ParseParty(cpo)
		debtor, _ := ocpi.ParseParty(emsp)
		period, _ := ocpi.ParseMonth(l.Period)
		l.CPO, l.EMSP, l.URL = s.named(creditor, period), s.named(debtor, period), statementURL(creditor, debtor, period, l.Currency)
		l.Net, l.Tax = textFigure(net, places.places), textFigure(orNone(tax), places.places)
		l.What = "line"
		if correction {
			l.What = "correction"
		}
		view.Lines = append(view.Lines, l)
	}
	for i := range c.Issued {
		l := &c.Issued[i]
		add(clearedLine{Number: l.Number, Period: l.Period, Currency: l.Currency}, l.CPO, l.EMSP, l.Correction, l.Net, l.Tax)
	}
	for i := range c.Open {
		l := &c.Open[i]
		add(clearedLine{Period: l.Period, Currency: l.Currency, Open: true}, l.CPO, l.EMSP, l.Correction, l.Net, l.Tax)
	}
}

func (view *clearedView) addChain(c *rest.Cleared, here ocpi.Key) {
	places := column{2}
	for i := range c.Chain {
		fitText(&places, c.Chain[i].Claim)
		fitText(&places, c.Chain[i].Owed)
	}
	for i := range c.Chain {
		l := &c.Chain[i]
		line := chainLine{Role: l.Role, ID: l.CDR, State: l.State.String(), Class: stateClasses[l.State], Claim: textFigure(l.Claim, places.places), Owed: textFigure(l.Owed, places.places)}
		if key, ok := report.ParseTariffKey(l.CDR); ok {
			line.ID, line.URL, line.Here = key.ID, report.CDRPath(key), key == here
		}
		view.Chain = append(view.Chain, line)
	}
	view.ChainOwed = textFigure(orNone(c.ChainOwed), places.places)
}

func (s *server) newDecisionLine(d *rest.ClearedDecision, v visitor) decisionLine {
	l := decisionLine{What: actWords(string(d.Act), string(d.At)), When: instantText(&d.When), Stands: d.Stands, Reason: orNone(d.Reason)}
	if d.Copy != nil {
		l.What += ", receipt " + *d.Copy
	}
	if d.By != nil {
		l.By = s.decider(*d.By, v)
	}
	var covers []string
	for _, code := range d.Covers {
		covers = append(covers, codeWords(code))
	}
	l.Covers = strings.Join(covers, ", ")
	return l
}

// decider says who decided: the name of a key, or whoever runs the service.
func (s *server) decider(by string, v visitor) string {
	switch {
	case by == clearing.ByLocal:
		return "who runs this service"
	case by == v.ID && v.Name != "":
		return v.Name + " (you)"
	case s.KeyName != nil && s.KeyName(by) != "":
		return s.KeyName(by)
	}
	return by
}

// actWords say what was decided.
func actWords(act, at string) string {
	word := map[string]string{"accept": "accepted", "reject": "rejected", "hold": "taken aside", "adopt": "another copy counts", "undo": "undone"}[act]
	if at != "" {
		word += ", as " + at
	}
	return word
}
