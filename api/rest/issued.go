package rest

import (
	"context"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/statement"
)

// Issued is a statement that a close issued.
type Issued struct {
	statement.Issue
	Number    string               // with its prefix
	At        ocpi.Time            // when it was issued
	Control   int64                // below which control records counted for its close
	Statement *statement.Statement // its lines, nil in a list
}

// IssuedStatements reads what closes issued.
type IssuedStatements interface {
	// Issues calls fn for the statements of q's period, in the order of CPO, eMSP and
	// currency.
	Issues(ctx context.Context, q statement.IssueQuery, fn func(*Issued) error) error
	// Issued returns one statement with its lines, nil where there is none. One that is not
	// as it was issued is a *statement.DamagedError.
	Issued(ctx context.Context, q statement.IssueQuery) (*Issued, error)
}

// issueQuery is what is asked for among what is issued.
func issueQuery(q *statement.Query) statement.IssueQuery {
	return statement.IssueQuery{CPO: q.CPO, EMSP: q.EMSP, Party: q.Party, Period: q.Period, Currency: q.Currency}
}

func newIssuedRow(i *Issued) StatementRow {
	at, nothing := i.At.String(), Apart{Claimed: "0"}
	return StatementRow{
		CPO: i.CPO.String(), EMSP: i.EMSP.String(), Period: i.Period.String(), Currency: i.Currency, Issued: true, Number: &i.Number, IssuedAt: &at,
		Lines: i.Lines, KWh: i.KWh.String(), Net: i.Net.String(), Tax: statement.Fixed(i.Tax, i.Currency), Payable: statement.Fixed(i.Payable, i.Currency), Debtor: partyOrNil(i.Debtor),
		Held: nothing, Rejected: nothing, Zeroed: nothing,
	}
}

// IssuesOf calls fn for what was issued of what drafts are asked for.
func IssuesOf(ctx context.Context, d Drafts, q *statement.Query, fn func(*Issued) error) error {
	return d.Issues(ctx, issueQuery(q), fn)
}
