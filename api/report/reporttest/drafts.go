package reporttest

import (
	"context"

	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/settlement/statement"
)

// NothingOpen are the drafts of a service without CDRs.
type NothingOpen struct{ rest.Drafts }

// Draw implements rest.Drafts.
func (NothingOpen) Draw(context.Context, statement.Query, func(*statement.Draft) error) error {
	return nil
}

// Waiting implements rest.Drafts.
func (NothingOpen) Waiting(context.Context, statement.Query, func(*statement.Draft) error) (statement.AsOf, error) {
	return statement.AsOf{}, nil
}

// Issues implements rest.IssuedStatements.
func (NothingOpen) Issues(context.Context, statement.IssueQuery, func(*rest.Issued) error) error {
	return nil
}
