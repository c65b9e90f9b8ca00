package rest

import (
	"context"
	"net/http"
	"net/url"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/settlement/statement"
)

// FoundStatement is a statement with what else is known of it: of one that was issued how
// it was, else its draft.
type FoundStatement struct {
	*statement.Statement
	Issued *Issued
	Draft  *statement.Draft
}

// FindStatement finds the one statement that parameters ask for, as [StatementFile] has
// them: that which was issued, else its draft. The error is an [*Error] that says why
// there is none.
func FindStatement(ctx context.Context, d Drafts, k Key, values url.Values) (*FoundStatement, error) {
	p := NewParams(values, "period", "cpo", "emsp", "currency")
	q := statement.Query{Period: p.RequiredMonth("period"), CPO: p.Party("cpo"), EMSP: p.Party("emsp"), Currency: p.Currency("currency"), Party: k.Party}
	for _, name := range []string{"cpo", "currency", "emsp"} {
		if p.Text(name) == "" && p.Err() == nil {
			p.Fail(Invalid(name, "required: a statement is of a CPO, an eMSP, a period and a currency"))
		}
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	if !k.Sees(q.CPO, q.EMSP) {
		return nil, api.ErrNotFound
	}
	issued, err := d.Issued(ctx, issueQuery(&q))
	if err != nil {
		return nil, err
	}
	if issued != nil {
		return &FoundStatement{Statement: issued.Statement, Issued: issued}, nil
	}
	var found *statement.Draft
	err = d.Draw(ctx, q, func(d *statement.Draft) error {
		found = d
		return nil
	})
	switch {
	case err != nil:
		return nil, ClosedPeriod(err)
	case found != nil && found.Err != nil:
		return nil, &Error{Status: http.StatusConflict, Code: "no_statement", Message: found.Err.Error()}
	case found == nil || len(found.Lines) == 0:
		return nil, &Error{Status: http.StatusNotFound, Code: "not_found",
			Message: "there is nothing that " + q.EMSP.String() + " owes " + q.CPO.String() + " for " + q.Period.String() + " in " + q.Currency + ": no line comes of what is stored"}
	}
	return &FoundStatement{Statement: &found.Statement, Draft: found}, nil
}
