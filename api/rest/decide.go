package rest

import (
	"cmp"
	"context"
	"encoding/hex"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/shopspring/decimal"
)

// ScopeDecide is the scope an API key needs to decide about CDRs.
const ScopeDecide = control.ScopeFinanceDecide

// Decisions takes decisions about CDRs.
type Decisions interface {
	// Decide has stand take which copies count, draws what waits, hands it on, and decides
	// what made returns of that. It returns once drafts know of it; where another copy counts
	// by it, after a while also without. settlement.ErrNotFound: q is of a CDR that there is
	// not.
	Decide(ctx context.Context, command string, q statement.Query, stand func(Copies) error, drawn func(*statement.Draft) error, made func() (clearing.NewDecision, error)) (Recorded, error)
}

// Recorded is a decision that was made.
type Recorded struct {
	Record  int64 // of the control log
	Pending bool  // another copy is to count by it, and is not priced yet
}

// DecisionRequest is the body of POST /decisions: about one CDR, or about all that
// wait by a ground, as the queue showed them.
type DecisionRequest struct {
	Act    string `json:"act"`            // accept, reject, hold, adopt or undo
	At     string `json:"at,omitempty"`   // of accept: claimed or computed, "" as agreed
	Reason string `json:"reason"`         // for who reads of it later
	Copy   string `json:"copy,omitempty"` // of adopt: the receipt of the copy that is to count, such as "1-0-4711"
	CDR    string `json:"cdr,omitempty"`  // its key, such as "NL*TNM*C1"; or what follows
	Ground string `json:"ground,omitempty"`
	CPO    string `json:"cpo,omitempty"`
	EMSP   string `json:"emsp,omitempty"`
	// Period and Currency are as those of the queue.
	Period       string `json:"period,omitempty"`
	Currency     string `json:"currency,omitempty"`
	ExpectDigest string `json:"expect_digest,omitempty"` // what the queue said of the same
}

// DecisionAnswer answers a decision.
type DecisionAnswer struct {
	Act    string       `json:"act"`
	Count  int          `json:"count"`
	Totals []QueueTotal `json:"totals"`
	Digest string       `json:"digest"`
	Record int64        `json:"record"` // in the control log
	// Pending says that another copy is to count by it, and is not priced yet: until it is, all
	// that is read has the one that counted.
	Pending bool `json:"pending"`
}

// Decide answers POST /decisions. by is who decides.
func Decide(c *gin.Context, d Decisions, k Key, by string) error {
	var r DecisionRequest
	if err := ReadJSON(c.Request, api.DefaultMaxBody, &r); err != nil {
		return err
	}
	answer, err := r.Decide(c.Request.Context(), d, c.GetHeader("Idempotency-Key"), k, by)
	if err != nil {
		return err
	}
	WriteJSON(c, http.StatusCreated, answer)
	return nil
}

// Decide has it decided for a key. command may be "", by is who decides. The error is an
// [*Error] where what is meant is not there, or is not what was expected.
func (r *DecisionRequest) Decide(ctx context.Context, d Decisions, command string, k Key, by string) (*DecisionAnswer, error) {
	s, err := r.selection(k)
	if err != nil {
		return nil, err
	}
	s.decision.By = by
	done, err := d.Decide(ctx, command, s.query, s.stand, s.add, s.made)
	if err != nil {
		return nil, ClosedPeriod(err)
	}
	return &DecisionAnswer{Act: string(s.decision.Act), Count: len(s.shown), Totals: s.list(), Digest: s.digest(), Record: done.Record, Pending: done.Pending}, nil
}

// selection is CDRs to decide about.
type selection struct {
	shownSet
	decision clearing.NewDecision
	query    statement.Query
	by       Key
	key      ocpi.Key // of the one CDR, zero where a ground selects
	seen     bool     // the one CDR, by who decides
	stands   string   // how it stands, in words
	expected string
	groups   map[string]*clearing.DecidedGroup // by what was shown
	of       *clearing.Scope                   // the narrowest that has all pairs of these; nil: there are none
	copies   *settlement.Copies                // of the one CDR
	pending  map[ocpi.Key]bool                 // another copy is to count than does
}

// selection reads which CDRs are meant. Act and reason are the log's to judge.
func (r *DecisionRequest) selection(k Key) (*selection, error) {
	s := &selection{
		decision: clearing.NewDecision{Act: clearing.Act(r.Act), At: clearing.Owed(r.At), Reason: r.Reason, Ground: r.Ground},
		query:    statement.Query{Party: k.Party, Debtless: true}, by: k, expected: r.ExpectDigest, groups: map[string]*clearing.DecidedGroup{},
	}
	if !slices.Contains([]clearing.Act{clearing.Accept, clearing.RejectIt, clearing.HoldIt, clearing.Adopt, clearing.Undo}, s.decision.Act) {
		return nil, Invalid("act", "%q: want accept, reject, hold, adopt or undo", r.Act)
	}
	if strings.TrimSpace(r.Reason) == "" {
		return nil, Invalid("reason", "required: who reads of it later wants to know why")
	}
	if err := s.adopts(r); err != nil {
		return nil, err
	}
	if r.CDR != "" {
		if r.Ground+r.CPO+r.EMSP+r.Period+r.Currency != "" {
			return nil, Invalid("cdr", "one CDR, or what waits by a ground: not both")
		}
		var ok bool
		if s.key, ok = parseKey(r.CDR); !ok {
			return nil, Invalid("cdr", "%q is not the key of a CDR such as NL*TNM*C1", r.CDR)
		}
		s.query = statement.Query{Key: s.key}
		return s, nil
	}
	p := NewParams(nil)
	p.values = map[string][]string{"ground": {r.Ground}, "cpo": {r.CPO}, "emsp": {r.EMSP}, "period": {r.Period}, "currency": {r.Currency}}
	q := &s.query
	p.ground("ground")
	q.CPO, q.EMSP, q.Period, q.Currency = p.Party("cpo"), p.Party("emsp"), p.Month("period"), p.Currency("currency")
	s.decision.Scope, s.decision.Period = clearing.Scope{CPO: q.CPO, EMSP: q.EMSP}, q.Period
	if r.Ground == "" {
		p.Fail(Invalid("ground", "required: the ground by which they wait, or cdr with the key of one"))
	}
	return s, p.Err()
}

// parseKey reads the key of a CDR as it is written, "NL*TNM*C1".
func parseKey(text string) (ocpi.Key, bool) {
	country, rest, _ := strings.Cut(text, "*")
	party, id, ok := strings.Cut(rest, "*")
	return ocpi.NewKey(country, party, id), ok && country != "" && party != "" && id != ""
}

// owable reports whether something can be owed at all: by somebody, in a currency.
func owable(emsp ocpi.Party, currency string) bool { return !emsp.IsZero() && currency != "" }

// add takes what is meant of a draft.
func (s *selection) add(d *statement.Draft) error {
	if s.key.ID != "" {
		return s.addOne(d)
	}
	if s.decision.Act == clearing.Accept && !owable(d.EMSP, d.Currency) {
		return nil
	}
	for i := range d.Settled {
		switch c := &d.Settled[i]; {
		case c.Booked == nil || c.AtRest() || !s.means(c):
		case len(s.shown) == maxListed:
			return Invalid("cpo", "more than %d CDRs: decide about them in parts, by cpo, emsp or period", maxListed)
		case s.decision.At == clearing.OwedComputed && c.Credit:
			return nothingComputed(c.Key)
		default:
			if err := s.settled(c.Key); err != nil {
				return err
			}
			s.take(c, d.Currency)
			s.widen(clearing.Scope{CPO: d.CPO, EMSP: d.EMSP})
		}
	}
	return nil
}

// widen has the decision be of one more pair. A wider scope than that of its CDRs would have
// closes of other pairs asked for anew.
func (s *selection) widen(pair clearing.Scope) {
	if s.of == nil {
		s.of = &pair
	}
	if s.of.CPO != pair.CPO {
		s.of.CPO = ocpi.Party{}
	}
	if s.of.EMSP != pair.EMSP {
		s.of.EMSP = ocpi.Party{}
	}
}

// addOne takes the one CDR of the draft that it stands in, where who decides may see that.
func (s *selection) addOne(d *statement.Draft) error {
	i := slices.IndexFunc(d.Settled, func(c statement.Settled) bool { return c.Key == s.key && !c.Elsewhere })
	switch {
	case !s.by.Sees(d.CPO, d.EMSP) || i < 0 && d.Err == nil:
		return nil
	case d.Err != nil:
		return conflict("cdr", "%s", d.Err.Error())
	}
	s.seen, s.decision.Scope = true, clearing.Scope{CPO: d.CPO, EMSP: d.EMSP}
	s.stands = standsAs(&d.Settled[i], d.Currency)
	if err := s.settled(s.key); err != nil {
		return err
	}
	switch c := &d.Settled[i]; {
	case s.decision.Act == clearing.Accept && !owable(d.EMSP, d.Currency):
		return conflict("cdr", "nobody is known to pay it, or in which currency: it can be rejected, not accepted")
	case s.decision.At == clearing.OwedComputed && c.Credit:
		return nothingComputed(c.Key)
	case s.decision.Act == clearing.HoldIt && c.Issued != nil:
		return conflict("cdr", "%s is issued, in the statement of %s to %s for %s in %s: what is issued is not held; reject it, and the next statement takes it back", s.key, d.CPO, d.EMSP, c.Issued.Period, d.Currency)
	case c.State == clearing.Before: // that is nobody's to decide here
		return nil
	case s.decision.Act == clearing.Adopt || s.decision.Act == clearing.Undo:
		if err := s.replaces(s.key); err != nil {
			return err
		}
	}
	s.take(&d.Settled[i], d.Currency)
	return nil
}

// nothingComputed refuses to have a credit owed as computed.
func nothingComputed(credit ocpi.Key) error {
	return conflict("at", "%s is a credit, and nothing is computed of a credit: accept it without at, or as claimed", credit)
}

// standsAs says how a CDR stands: "it is held (difference), claims 8 EUR and is computed as
// 7 EUR".
func standsAs(c *statement.Settled, currency string) string {
	words := "it is " + c.State.String()
	var codes []string
	for i := range c.Grounds {
		codes = append(codes, c.Grounds[i].Code)
	}
	if len(codes) > 0 {
		words += " (" + strings.Join(codes, ", ") + ")"
	}
	if claims := c.Claims(); claims != nil {
		words += ", claims " + Money(*claims) + " " + currency
	}
	if c.Computed != nil {
		words += ", is computed as " + Money(c.Computed.Net) + " " + currency
	}
	return words
}

// means reports whether a CDR is one that is meant: to accept and to reject, what waits
// by the ground; to hold, what it only notes; to undo, what was decided of it.
func (s *selection) means(c *statement.Settled) bool {
	if c.State == clearing.Before || c.Issued != nil { // it is nobody's to decide here, or by a ground
		return false
	}
	switch s.decision.Act {
	case clearing.Accept, clearing.RejectIt:
		return c.State == clearing.Held && struckBy(c, s.decision.Ground)
	case clearing.HoldIt:
		return c.State != clearing.Held && c.State != clearing.Before && c.Decision == nil && struckBy(c, s.decision.Ground)
	}
	byPerson := s.decision.Ground == GroundDecided
	return c.Decision != nil && (byPerson || slices.Contains(c.Decision.Covers, s.decision.Ground))
}

func (s *selection) take(c *statement.Settled, currency string) {
	shown := s.shownSet.add(c, currency)
	grounds := []string{} // of another copy rules say what they are
	if s.decision.Act != clearing.Adopt {
		grounds = s.covers(c, shown)
	}
	name := strings.Join(grounds, " ")
	g := s.groups[name]
	if g == nil {
		g = &clearing.DecidedGroup{Covers: grounds}
		s.groups[name] = g
	}
	g.CDRs = append(g.CDRs, c.Booked.Position)
}

// covers are the codes of the grounds that a decision about a CDR is by. That a credit goes
// beyond what remains of its original is accepted with it where that is what holds it; of one
// that takes off what remains, the rest stays held.
func (s *selection) covers(c *statement.Settled, shown *clearing.Shown) []string {
	codes := slices.Sorted(slices.Values(shown.Grounds))
	if s.decision.Act == clearing.Accept && c.State != clearing.Held {
		codes = slices.DeleteFunc(codes, func(code string) bool { return code == clearing.GroundCreditExcess })
	}
	return codes
}

// made is the decision, where what is here is what was expected.
func (s *selection) made() (n clearing.NewDecision, err error) {
	digest := s.digest()
	switch {
	case s.key.ID != "" && !s.seen:
		return n, api.ErrNotFound
	case len(s.shown) == 0 && s.key.ID != "":
		return n, &Error{Status: http.StatusConflict, Code: "conflict", Field: "cdr", Message: s.key.String() + " belongs to a period that is settled elsewhere"}
	case len(s.shown) == 0:
		return n, conflict("ground", "there is nothing of that: look at the queue again")
	case s.key.ID == "" && s.expected == "":
		return n, Invalid("expect_digest", "required: of all that is meant, %s, it is %s", s.words(s.shownSums()), digest)
	case s.expected != "" && s.expected != digest:
		return n, conflict("expect_digest", "%s", s.changed())
	}
	n = s.decision
	if s.of != nil {
		n.Scope = *s.of
	}
	n.Digest = clearing.DigestOf(s.shown)
	for _, name := range slices.Sorted(maps.Keys(s.groups)) {
		n.Groups = append(n.Groups, *s.groups[name])
	}
	return n, nil
}

// changed says how what is here differs from what was expected, as far as the digest
// that was sent tells.
func (s *selection) changed() string {
	now := s.shownSums()
	is := "the queue was changed since: now it is " + s.words(now) + ", digest " + s.digest()
	if s.key.ID != "" {
		is = s.key.String() + " was changed since it was shown: now " + s.stands + ", digest " + s.digest()
	}
	then, ok := parseSums(s.expected)
	if !ok {
		return is
	}
	change := sums{count: now.count - then.count, claimed: map[string]decimal.Decimal{}}
	for currency := range now.claimed {
		change.claimed[currency] = now.claimed[currency].Sub(then.claimed[currency])
	}
	for currency := range then.claimed {
		change.claimed[currency] = now.claimed[currency].Sub(then.claimed[currency])
	}
	same := change.count == 0 && !slices.ContainsFunc(slices.Collect(maps.Values(change.claimed)), func(d decimal.Decimal) bool { return !d.IsZero() })
	switch {
	case s.key.ID != "" && same:
		return is + "; it claims as much, but by other grounds, or is computed otherwise"
	case s.key.ID != "":
		return is + "; it claims " + s.money(change, moreOrLessMoney)
	case same:
		return is + "; as many that claim as much, but other ones, or by other grounds or results"
	}
	return is + "; " + moreOrLess(change.count) + ", claiming " + s.money(change, moreOrLessMoney)
}

func moreOrLess(n int) string {
	if n < 0 {
		return strconv.Itoa(-n) + " fewer"
	}
	return strconv.Itoa(n) + " more"
}

func moreOrLessMoney(currency string, d decimal.Decimal) string {
	if d.IsNegative() {
		return Money(d.Neg()) + " " + currency + " less"
	}
	return Money(d) + " " + currency + " more"
}

// words say how many CDRs there are and what they claim.
func (s *selection) words(all sums) string {
	what := " CDRs that claim "
	if all.count == 1 {
		what = " CDR that claims "
	}
	return strconv.Itoa(all.count) + what + s.money(all, func(currency string, d decimal.Decimal) string { return Money(d) + " " + currency })
}

func (*selection) money(all sums, say func(currency string, d decimal.Decimal) string) string {
	var list []string
	for _, currency := range slices.Sorted(maps.Keys(all.claimed)) {
		list = append(list, say(currency, all.claimed[currency]))
	}
	return strings.Join(list, " and ")
}

// shownSet is what is shown of CDRs that wait, and what names exactly that.
type shownSet struct {
	shown  []clearing.Shown
	totals map[string]*tally // by currency
}

func (s *shownSet) add(c *statement.Settled, currency string) *clearing.Shown {
	one := clearing.Shown{Key: c.Key, Claimed: c.Claimed, Computed: c.Computed}
	if c.Booked != nil {
		one.Version = c.Booked.Version
	}
	for i := range c.Grounds {
		one.Grounds = append(one.Grounds, c.Grounds[i].Code)
	}
	if s.totals == nil {
		s.totals = map[string]*tally{}
	}
	tallyOf(s.totals, currency).add(c)
	s.shown = append(s.shown, one)
	return &s.shown[len(s.shown)-1]
}

func (s *shownSet) list() []QueueTotal {
	list := []QueueTotal{}
	for currency, t := range s.totals {
		list = append(list, QueueTotal{currency, t.apart()})
	}
	slices.SortFunc(list, func(a, b QueueTotal) int { return cmp.Compare(a.Currency, b.Currency) })
	return list
}

// digest names what is shown: SHA-256, then how many CDRs and what they claim, so that
// who sends it later can be told what changed.
func (s *shownSet) digest() string {
	sum := clearing.DigestOf(s.shown)
	text := hex.EncodeToString(sum[:]) + "/" + strconv.Itoa(len(s.shown))
	all := s.shownSums()
	for _, currency := range slices.Sorted(maps.Keys(all.claimed)) {
		text += "/" + currency + all.claimed[currency].String()
	}
	return text
}

// sums are how many CDRs there are and what they claim, by currency.
type sums struct {
	count   int
	claimed map[string]decimal.Decimal
}

func (s *shownSet) shownSums() sums {
	all := sums{len(s.shown), map[string]decimal.Decimal{}}
	for currency, t := range s.totals {
		all.claimed[currency] = t.claimed
	}
	return all
}

// parseSums reads what a digest tells beside the hash.
func parseSums(digest string) (all sums, ok bool) {
	parts := strings.Split(digest, "/")
	if len(parts) < 2 || len(parts) > 500 {
		return all, false
	}
	var err error
	if all.count, err = strconv.Atoi(parts[1]); err != nil {
		return all, false
	}
	all.claimed = map[string]decimal.Decimal{}
	for _, p := range parts[2:] {
		at := strings.IndexAny(p, "-0123456789")
		if at < 0 || len(p) > 64 || strings.ContainsAny(p, "eE") && strings.ContainsAny(p[at:], "eE") {
			return all, false
		}
		if all.claimed[p[:at]], err = decimal.NewFromString(p[at:]); err != nil {
			return all, false
		}
	}
	return all, true
}
