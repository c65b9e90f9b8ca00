package rest

import (
	"context"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/statement"
	"github.com/shopspring/decimal"
)

// Reasons say why another's statement differs from the one here.
type Reasons interface {
	Explain(ctx context.Context, q statement.Query, list []statement.Unlike) ([]statement.Explained, error)
}

// ReasonsRequest is the body of POST /statements/reasons: CDRs of which a statement says
// something else than the one here, statement.MaxExplained at most.
type ReasonsRequest struct {
	CPO      string       `json:"cpo"`
	EMSP     string       `json:"emsp"`
	Period   string       `json:"period"`
	Currency string       `json:"currency"`
	Lines    []UnlikeLine `json:"lines"`
}

// UnlikeLine is a CDR in which two statements differ.
type UnlikeLine struct {
	CDR    string  `json:"cdr"`    // its key, such as "NL*TNM*C1"
	Ours   bool    `json:"ours"`   // there is a line of it here
	Theirs *string `json:"theirs"` // net of their line, null where they have none
}

// ReasonsAnswer answers POST /statements/reasons, in the order of the request.
type ReasonsAnswer struct {
	Lines []ExplainedLine `json:"lines"`
}

// ExplainedLine is a CDR with why statements differ in it.
type ExplainedLine struct {
	CDR     string             `json:"cdr"`
	Reasons []statement.Reason `json:"reasons"` // one at least
}

// ExplainLines answers POST /statements/reasons.
func ExplainLines(c *gin.Context, d Reasons) error {
	var r ReasonsRequest
	if err := ReadJSON(c.Request, api.DefaultMaxBody, &r); err != nil {
		return err
	}
	q, list, err := r.read()
	if err != nil {
		return err
	}
	explained, err := d.Explain(c.Request.Context(), q, list)
	if err != nil {
		return err
	}
	answer := ReasonsAnswer{Lines: make([]ExplainedLine, len(explained))}
	for i := range explained {
		answer.Lines[i] = ExplainedLine{explained[i].Key.String(), explained[i].Reasons}
	}
	WriteJSON(c, http.StatusOK, answer)
	return nil
}

func (r *ReasonsRequest) read() (q statement.Query, list []statement.Unlike, err error) {
	p := NewParams(nil)
	p.values = map[string][]string{"cpo": {r.CPO}, "emsp": {r.EMSP}, "period": {r.Period}, "currency": {r.Currency}}
	q = statement.Query{CPO: p.Party("cpo"), EMSP: p.Party("emsp"), Period: p.RequiredMonth("period"), Currency: p.Currency("currency")}
	for name, value := range map[string]string{"cpo": r.CPO, "currency": r.Currency, "emsp": r.EMSP} {
		if value == "" {
			p.Fail(Invalid(name, "required: a statement is of a CPO, an eMSP, a period and a currency"))
		}
	}
	if len(r.Lines) > statement.MaxExplained {
		p.Fail(Invalid("lines", "%d of them, want %d at most", len(r.Lines), statement.MaxExplained))
	}
	if err := p.Err(); err != nil {
		return q, nil, err
	}
	for i, l := range r.Lines {
		id, ok := strings.CutPrefix(l.CDR, q.CPO.String()+"*")
		if !ok || id == "" {
			return q, nil, Invalid("lines", "%d: %q is not the key of a CDR of %s", i, l.CDR, q.CPO)
		}
		u := statement.Unlike{Key: ocpi.Key{Party: q.CPO, ID: ocpi.Fold(id)}, Ours: l.Ours}
		if l.Theirs != nil {
			net, err := decimal.NewFromString(*l.Theirs)
			if err != nil || len(*l.Theirs) > maxDecimalText || strings.ContainsAny(*l.Theirs, "eE") {
				return q, nil, Invalid("lines", "%d: theirs: %q is no decimal such as 1.25", i, *l.Theirs)
			}
			u.Theirs = &net
		}
		list = append(list, u)
	}
	return q, list, nil
}

// maxDecimalText bounds an amount, in bytes.
const maxDecimalText = 60
