package rest

import (
	"context"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/shopspring/decimal"
)

// Drafts draws statements of all that is stored, and reads those that were issued.
type Drafts interface {
	IssuedStatements
	// Draw draws drafts of q's period; where that is zero, of one in which all there is
	// comes to a statement.
	Draw(ctx context.Context, q statement.Query, fn func(*statement.Draft) error) error
	// Waiting draws no more than what waits and what was rejected, perhaps as of a while ago.
	Waiting(ctx context.Context, q statement.Query, fn func(*statement.Draft) error) (statement.AsOf, error)
	// Try draws the same CDRs twice, as if nothing of them were issued: by the packs in
	// force, and by another one.
	Try(ctx context.Context, q statement.Query, pack string, inForce, tried func(*statement.Draft) error) error
}

// draftQuery reads which drafts are asked for; period says whether that must be given.
func draftQuery(c *gin.Context, k Key, period bool, more ...string) (*Params, statement.Query) {
	p := NewParams(c.Request.URL.Query(), append([]string{"period", "cpo", "emsp", "currency"}, more...)...)
	q := statement.Query{Period: p.Month("period"), CPO: p.Party("cpo"), EMSP: p.Party("emsp"), Currency: p.Currency("currency"), Party: k.Party}
	if period {
		p.RequiredMonth("period")
	}
	return p, q
}

// Apart is CDRs that claim something which no line has, and what they claim before tax.
type Apart struct {
	Count   int    `json:"count"`
	Claimed string `json:"claimed"`
}

// tally counts CDRs and adds up what they claim before tax.
type tally struct {
	count   int
	claimed decimal.Decimal
}

func (t *tally) add(s *statement.Settled) {
	t.count++
	t.claimed = t.claimed.Add(s.Claim)
}

func (t *tally) apart() Apart { return Apart{t.count, t.claimed.String()} }

// less is how many more t counts than o, and how much more they claim.
func (t tally) less(o tally) tally { return tally{t.count - o.count, t.claimed.Sub(o.claimed)} }

// tallyOf returns the tally of a key, a new one the first time.
func tallyOf[K comparable](of map[K]*tally, key K) *tally {
	t := of[key]
	if t == nil {
		t = &tally{}
		of[key] = t
	}
	return t
}

// GroundDecided is the ground of what a person holds.
const GroundDecided = statement.GroundHeldByPerson

// waitsBy returns by what a held CDR waits: the rules that hold it, or, whatever these
// say, that a person took it aside.
func waitsBy(s *statement.Settled) (codes []string) {
	if d := s.Decision; d != nil && d.Act == clearing.HoldIt && !s.Reopened {
		return []string{GroundDecided}
	}
	for i := range s.Grounds {
		if s.Grounds[i].Effect == clearing.Hold {
			codes = append(codes, s.Grounds[i].Code)
		}
	}
	return codes
}

// Grounds are the codes of what CDRs can wait by.
func Grounds() []string {
	codes := []string{GroundDecided}
	for _, r := range clearing.Rules() {
		codes = append(codes, r.Code)
	}
	return codes
}

// ground reads a code of Grounds, "" where it is absent.
func (p *Params) ground(name string) string {
	code := p.Text(name)
	if _, known := clearing.RuleOf(code); !known && code != "" && code != GroundDecided {
		p.Fail(Invalid(name, "there is no ground %q; known are %s", code, strings.Join(Grounds(), ", ")))
	}
	return code
}
