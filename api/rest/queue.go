package rest

import (
	"cmp"
	"context"
	"iter"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
)

// Queue answers what waits for a person, or for its cause to go.
type Queue struct {
	Groups   []QueueGroup `json:"groups"`
	Totals   []QueueTotal `json:"totals"`
	Problems []string     `json:"problems"` // of pairs of which nobody can say what is owed
	AsOf     *QueueAsOf   `json:"as_of"`    // null: it was drawn for this answer alone
}

// QueueAsOf says as of when a queue is. Of many CDRs it may be as of a while ago; what was
// decided is in it nevertheless.
type QueueAsOf struct {
	At      string           `json:"at"`
	Behind  bool             `json:"behind"`  // more has come since: it is being read
	Control int64            `json:"control"` // control records below this offset are in it
	CDRs    map[string]int64 `json:"cdrs"`    // and CDRs below these, by partition of the log: "cdrs-1/0"
}

func newQueueAsOf(a statement.AsOf) QueueAsOf {
	v := QueueAsOf{At: ocpi.TimeOf(a.At).String(), Behind: a.Behind, Control: a.Control, CDRs: map[string]int64{}}
	for p, end := range a.CDRs {
		v.CDRs[p.String()] = end
	}
	return v
}

// HeaderAsOf says as of when a list is, where it may be as of a while ago.
const HeaderAsOf = "X-Roamclear-As-Of"

// QueueGroup is what waits by one ground, of one pair and currency. A CDR that waits by
// several is in each of these.
type QueueGroup struct {
	Ground   string  `json:"ground"`
	CPO      string  `json:"cpo"`
	EMSP     *string `json:"emsp"`     // null: nobody is known to pay
	Currency string  `json:"currency"` // "": it is not known
	Apart
	Oldest *string `json:"oldest"` // the first period that one of them belongs to; null = none is known
	Digest string  `json:"digest"` // of what is shown, for who decides about all of it
}

// QueueTotal is all that waits in one currency, each CDR once.
type QueueTotal struct {
	Currency string `json:"currency"`
	Apart
}

// QueueOf answers what waits of ?cpo=, ?emsp=, ?currency= and ?ground=, where these are
// given: of what a close of ?period= would meet, without it of all there is.
func QueueOf(c *gin.Context, d Drafts, k Key) error {
	queue, err := ReadQueue(c, d, k)
	if err != nil {
		return err
	}
	WriteJSON(c, http.StatusOK, queue)
	return nil
}

// ReadQueue reads what QueueOf answers.
func ReadQueue(c *gin.Context, d Drafts, k Key) (Queue, error) {
	p, q := draftQuery(c, k, false, "ground")
	ground := p.ground("ground")
	if err := p.Err(); err != nil {
		return Queue{}, err
	}
	w := newWaiting(ground)
	q.Debtless = true
	asOf, err := d.Waiting(c.Request.Context(), q, w.add)
	if err != nil {
		return Queue{}, ClosedPeriod(err)
	}
	queue := w.queue()
	at := newQueueAsOf(asOf)
	queue.AsOf = &at
	return queue, nil
}

type groupKey struct{ ground, cpo, emsp, currency string }

type group struct {
	tally
	oldest ocpi.Month
	digest string
}

// waiting groups what waits.
type waiting struct {
	only   string // a ground, "" for all
	groups map[groupKey]*group
	totals map[string]*tally // by currency
	problems
}

// problems are why nobody can say what some pairs owe, each once.
type problems []string

func (p *problems) note(d *statement.Draft) {
	if d.Err != nil && !slices.Contains(*p, d.Err.Error()) {
		*p = append(*p, d.Err.Error())
	}
}

func newWaiting(only string) *waiting {
	return &waiting{only, map[groupKey]*group{}, map[string]*tally{}, problems{}}
}

func (w *waiting) add(d *statement.Draft) error {
	w.note(d)
	here := map[string]*shownSet{} // of this pair and currency, by ground
	for i := range d.Settled {
		s := &d.Settled[i]
		if s.State != clearing.Held || s.Later {
			continue
		}
		in := waitsBy(s)
		if w.only != "" {
			in = slices.DeleteFunc(in, func(code string) bool { return code != w.only })
		}
		if len(in) == 0 {
			continue
		}
		tallyOf(w.totals, d.Currency).add(s)
		for _, code := range in {
			w.group(groupKey{code, d.CPO.String(), PartyText(d.EMSP), d.Currency}).add(s)
			if here[code] == nil {
				here[code] = &shownSet{}
			}
			here[code].add(s, d.Currency)
		}
	}
	for code, shown := range here {
		w.group(groupKey{code, d.CPO.String(), PartyText(d.EMSP), d.Currency}).digest = shown.digest()
	}
	return nil
}

func (w *waiting) group(key groupKey) *group {
	g := w.groups[key]
	if g == nil {
		g = &group{}
		w.groups[key] = g
	}
	return g
}

func (g *group) add(s *statement.Settled) {
	g.tally.add(s)
	if !s.Belongs.IsZero() && (g.oldest.IsZero() || s.Belongs < g.oldest) {
		g.oldest = s.Belongs
	}
}

// queue is what waits by ground, CPO, eMSP and currency.
func (w *waiting) queue() Queue {
	q := Queue{Groups: []QueueGroup{}, Totals: []QueueTotal{}, Problems: w.problems}
	for key, g := range w.groups {
		q.Groups = append(q.Groups, QueueGroup{
			Ground: key.ground, CPO: key.cpo, EMSP: textOrNil(key.emsp), Currency: key.currency, Apart: g.apart(), Oldest: textOrNil(g.oldest.String()), Digest: g.digest,
		})
	}
	slices.SortFunc(q.Groups, func(a, b QueueGroup) int {
		return cmp.Or(cmp.Compare(a.Ground, b.Ground), cmp.Compare(a.CPO, b.CPO), cmp.Compare(orEmpty(a.EMSP), orEmpty(b.EMSP)), cmp.Compare(a.Currency, b.Currency))
	})
	q.Totals = totalsOf(w.totals)
	return q
}

func totalsOf(byCurrency map[string]*tally) []QueueTotal {
	totals := make([]QueueTotal, 0, len(byCurrency))
	for currency, t := range byCurrency {
		totals = append(totals, QueueTotal{currency, t.apart()})
	}
	slices.SortFunc(totals, func(a, b QueueTotal) int { return cmp.Compare(a.Currency, b.Currency) })
	return totals
}

// OpenBefore is what a scope has open of periods before one, by currency: a begin with that
// settles it elsewhere.
func OpenBefore(ctx context.Context, d Drafts, scope clearing.Scope, period ocpi.Month) ([]QueueTotal, error) {
	totals := map[string]*tally{}
	err := d.Draw(ctx, statement.Query{CPO: scope.CPO, EMSP: scope.EMSP, Debtless: true}, func(d *statement.Draft) error {
		for i := range d.Settled {
			if s := &d.Settled[i]; s.Issued == nil && s.State != clearing.Before && s.Belongs < period {
				tallyOf(totals, d.Currency).add(s)
			}
		}
		return nil
	})
	return totalsOf(totals), err
}

// PartyText is a party, "" for none.
func PartyText(p ocpi.Party) string { return orEmpty(partyOrNil(p)) }

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func textOrNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// QueuedCDR is a CDR with what becomes of it.
type QueuedCDR struct {
	CDR        string         `json:"cdr"`  // its key, folded
	EMSP       *string        `json:"emsp"` // null: nobody is known to pay
	Period     *string        `json:"period"`
	Currency   string         `json:"currency"`
	State      clearing.State `json:"state"`
	Grounds    []CDRGround    `json:"grounds"`
	Claimed    *string        `json:"claimed"`  // before tax, null where it claims nothing that can be read
	Computed   *string        `json:"computed"` // null where it is not priced
	Difference *string        `json:"difference"`
	Session    *string        `json:"session"` // folded
	EVSE       *string        `json:"evse"`
	Start      *string        `json:"start"`
	End        *string        `json:"end"`
}

// CDRGround is why something becomes of a CDR. What was measured, and in words, is null
// where that is the CPO's and the key another's.
type CDRGround struct {
	Code     string          `json:"code"`
	Effect   clearing.Effect `json:"effect"`
	Measured *string         `json:"measured"`
	Limit    *string         `json:"limit"`
	Sentence *string         `json:"sentence"`
}

// maxListed bounds a list of CDRs that is answered whole: what one decision can carry.
const maxListed = 100_000

// QueuedCDRs answers the CDRs of a queue whole, or those of another ?state=, as JSON, CSV
// or JSON lines.
func QueuedCDRs(c *gin.Context, d Drafts, k Key) error {
	form, err := formOf(c, gin.MIMEJSON, mimeLines, mimeCSV)
	if err != nil {
		return err
	}
	list, err := ReadQueued(c, d, k, false)
	if err != nil {
		return err
	}
	if list.AsOf.At != "" {
		c.Header(HeaderAsOf, list.AsOf.At)
	}
	switch form {
	case mimeLines:
		WriteLines(c, list.State.String()+".jsonl", list.CDRs)
	case mimeCSV:
		WriteCSV(c, list.State.String()+".csv", &CSV{Header: queuedHeader, Rows: queuedCells(list.CDRs)})
	default:
		WriteRows(c, "cdrs", slices.Values(list.CDRs))
	}
	return nil
}

// Queued is the CDRs of a queue, or those of another state.
type Queued struct {
	CDRs    []QueuedCDR
	State   clearing.State
	AsOf    QueueAsOf // its At is "" where it was drawn for this list
	Choices []Choice  // what can be decided about all of them; empty unless that is asked for
}

// Choice is what one decision of an act would be about, by the ground of a list.
type Choice struct {
	Act    clearing.Act
	Count  int
	Totals []QueueTotal
	Digest string
}

// ReadQueued reads what QueuedCDRs answers; choices asks for these, too.
func ReadQueued(c *gin.Context, d Drafts, k Key, choices bool) (*Queued, error) {
	p, q := draftQuery(c, k, false, "ground", "state")
	ground, list := p.ground("ground"), &Queued{State: p.state("state")}
	if err := p.Err(); err != nil {
		return nil, err
	}
	q.Debtless, q.Before = true, list.State == clearing.Before
	var offers []*selection
	for _, act := range []clearing.Act{clearing.Accept, clearing.RejectIt, clearing.HoldIt, clearing.Undo} {
		if choices && ground != "" {
			offers = append(offers, &selection{decision: clearing.NewDecision{Act: act, Ground: ground}, groups: map[string]*clearing.DecidedGroup{}})
		}
	}
	draw := func(ctx context.Context, q statement.Query, fn func(*statement.Draft) error) (err error) {
		if kept := list.State == clearing.Held || list.State == clearing.Rejected; !kept || len(offers) > 0 { // what is decided about is drawn for it
			return d.Draw(ctx, q, fn)
		}
		asOf, err := d.Waiting(ctx, q, fn)
		list.AsOf = newQueueAsOf(asOf)
		return err
	}
	err := draw(c.Request.Context(), q, func(d *statement.Draft) error {
		for i := range d.Settled {
			s := &d.Settled[i]
			switch {
			case s.AtRest() || s.State != list.State || !struckBy(s, ground):
			case len(list.CDRs) == maxListed:
				return Invalid("cpo", "more than %d CDRs are asked for: ask for fewer, by cpo, emsp, period or ground", maxListed)
			default:
				list.CDRs = append(list.CDRs, newQueuedCDR(d, s, k))
			}
		}
		offers = slices.DeleteFunc(offers, func(offer *selection) bool { return offer.add(d) != nil }) // more than one decision carries
		return nil
	})
	for _, offer := range offers {
		if len(offer.shown) > 0 {
			list.Choices = append(list.Choices, Choice{offer.decision.Act, len(offer.shown), offer.list(), offer.digest()})
		}
	}
	return list, ClosedPeriod(err)
}

// state reads a state of CDRs, held where it is absent.
func (p *Params) state(name string) clearing.State {
	state := clearing.Held
	if text := p.Text(name); text != "" {
		if err := state.UnmarshalText([]byte(text)); err != nil {
			p.Fail(Invalid(name, "%v", err))
		}
	}
	return state
}

// struckBy reports whether a ground, where one is asked for, is among those of a CDR: of
// a held one, among those that it waits by.
func struckBy(s *statement.Settled, ground string) bool {
	switch {
	case ground == "":
		return true
	case s.State == clearing.Held:
		return slices.Contains(waitsBy(s), ground)
	}
	return slices.ContainsFunc(s.Grounds, func(g clearing.Ground) bool { return g.Code == ground })
}

func newQueuedCDR(d *statement.Draft, s *statement.Settled, to Key) QueuedCDR {
	v := QueuedCDR{
		CDR: s.Key.String(), EMSP: partyOrNil(d.EMSP), Period: textOrNil(s.Belongs.String()), Currency: d.Currency, State: s.State, Grounds: []CDRGround{},
		Claimed: MoneyOrNil(s.Claims()), Computed: netOf(s.Computed), Start: timeOrNil(s.Start), End: timeOrNil(s.End),
	}
	if s.Claimed != nil && s.Computed != nil {
		difference := s.Claimed.Net.Sub(s.Computed.Net)
		v.Difference = MoneyOrNil(&difference)
	}
	if b := s.Booked; b != nil {
		v.Session, v.EVSE = textOrNil(b.SessionID), textOrNil(b.Measures.EVSEID)
	}
	for _, g := range s.Grounds {
		v.Grounds = append(v.Grounds, newCDRGround(g, d.CPO, to))
	}
	return v
}

func netOf(a *clearing.Amount) *string {
	if a == nil {
		return nil
	}
	return MoneyOrNil(&a.Net)
}

func timeOrNil(t ocpi.Time) *string {
	if !t.IsSet() {
		return nil
	}
	return textOrNil(t.String())
}

// newCDRGround shows a ground to a key. When a CDR came, what its connector can give and
// what else was charged there is the CPO's to tell, not the eMSP's to see.
func newCDRGround(g clearing.Ground, cpo ocpi.Party, to Key) CDRGround {
	v := CDRGround{Code: g.Code, Effect: g.Effect}
	rule, known := clearing.RuleOf(g.Code)
	shared := known && rule.Evidence == clearing.Pair
	if !shared && !to.Party.IsZero() && to.Party != cpo {
		return v
	}
	v.Measured, v.Limit, v.Sentence = textOrNil(g.Measured), textOrNil(g.Limit), textOrNil(g.Sentence())
	return v
}

var queuedHeader = []string{"cdr", "emsp", "period", "currency", "state", "grounds", "because", "claimed", "computed", "difference", "session", "evse", "start", "end"}

func queuedCells(list []QueuedCDR) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		for i := range list {
			v := &list[i]
			var codes, because []string
			for _, g := range v.Grounds {
				codes = append(codes, g.Code)
				if g.Sentence != nil {
					because = append(because, *g.Sentence)
				}
			}
			if !yield([]string{Cell(v.CDR), orEmpty(v.EMSP), orEmpty(v.Period), Cell(v.Currency), v.State.String(), strings.Join(codes, " "), Cell(strings.Join(because, " ")),
				orEmpty(v.Claimed), orEmpty(v.Computed), orEmpty(v.Difference), Cell(orEmpty(v.Session)), Cell(orEmpty(v.EVSE)), orEmpty(v.Start), orEmpty(v.End)}) {
				return
			}
		}
	}
}
