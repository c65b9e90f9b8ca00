package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/roamclear/roamclear/api/admin"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/settlement/clearing"
)

func newPeriodCmd() *cobra.Command {
	var service serviceFlags
	cmd := &cobra.Command{
		Use:   "period",
		Short: "Begin settlement, close months and list them",
		Long: `Administer the settlement periods of a running service: calendar months.

What is found out about a closed period is a line of the first one that is open, never a
change.

The service is found through its data directory (--data), or by --url and the
environment variable ROAMCLEAR_ADMIN_TOKEN.`,
		Args: cobra.NoArgs,
	}
	service.register(cmd)
	cmd.AddCommand(newPeriodBeginCmd(&service), newPeriodCheckCmd(&service), newPeriodCloseCmd(&service), newPeriodListCmd(&service))
	return cmd
}

// closeWithin is how long a close may take: a month of 1.2 million CDRs takes a minute.
const closeWithin = 30 * time.Minute

func newPeriodCloseCmd(service *serviceFlags) *cobra.Command {
	var scope scopeFlags
	var undecided choice
	var f format
	var request bool
	approve := int64(-1)
	cmd := &cobra.Command{
		Use:   "close YYYY-MM [--cpo CC*ID] [--emsp CC*ID] [--undecided carry] [--request] | close --approve ID",
		Short: "Close a period: its statements are issued, for good",
		Long: `Close a period for a pair, for all pairs of a party, or for the house, and all before it
that are open: the drafts that "statement list" shows become statements with numbers, and
are never changed. What comes late, is credited, priced again or decided on later is a line
of a later period.

It takes what the logs hold when it is asked, and waits until that is priced; where it
takes long, standard error says how far it is. What is held has to be decided on first
("queue", "decide"), unless it was agreed to carry it on, or --undecided carry says so: then
it waits for a later period.

By four eyes, which the agreement of the house may want (four_eyes): --request writes all of
it and prints what it comes to and an ID, and nothing of it counts. --approve ID by another
key has just that count; it is refused to the key that asked, and where something was decided,
agreed, begun or closed since: then it has to be asked for again. "period list" has the
requests that wait. Who asks and who approves is the API key in ` + apiKeyVariable + ` (of scope
finance:decide and finance:approve), without one whoever has the admin token.

Exit code 0: it is closed, or was, or is asked for. 1: something is undecided, which is
listed; or it cannot be closed, and why.`,
		Example: `  roamclear period close 2019-06 --data data
  roamclear period close 2019-06 --cpo NL*TNM --emsp DE*EMP --undecided carry
  roamclear period close 2019-06 --request
  ` + apiKeyVariable + `=… roamclear period close --approve 17`,
		Args: cobra.MaximumNArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			approves := cmd.Flags().Changed("approve")
			switch {
			case !approves && len(args) == 0:
				return wrongUsage("name the period to close, such as 2019-06, or the request to approve (--approve ID)")
			case approves && (len(args) > 0 || request || scope.cpo+scope.emsp != "" || cmd.Flags().Changed("undecided")):
				return wrongUsage("--approve takes the ID of a request alone: it says which period, of whom")
			}
			c, err := service.client()
			if approves || request {
				c, err = service.keyClient()
			}
			if err != nil {
				return err
			}
			path, body := "/periods/closes", any(nil)
			if approves {
				path, body = "/periods/approvals", rest.ApprovalRequest{Request: &approve}
				cmd.PrintErrln("Approving: what was written is read back.")
			} else {
				q := rest.CloseRequest{CPO: scope.cpo, EMSP: scope.emsp, Period: args[0]}
				if undecided.value == string(clearing.UndecidedCarry) {
					q.Undecided = undecided.value
				}
				if request {
					path = "/periods/requests"
				}
				body = q
				cmd.PrintErrln("Closing: what the logs hold is priced, drawn, written and read back.")
			}
			stop := tellWhile(cmd.Context(), c, func(text string) { cmd.PrintErrln(text) })
			c.http.Timeout = closeWithin
			var answer rest.Close
			err = c.do(cmd.Context(), http.MethodPost, path, body, &answer)
			stop()
			if err != nil {
				return fmt.Errorf("close period: %w", err)
			}
			if f.json() {
				err = writeJSON(cmd.OutOrStdout(), answer)
			} else {
				err = printClose(cmd.OutOrStdout(), &answer)
			}
			if err == nil && answer.Outcome == rest.OutcomeUndecided {
				err = &exitError{code: 1, err: errors.New(answer.Message)}
			}
			return err
		},
	}
	scope.register(cmd, service, "all its pairs", "the house")
	undecided.register(cmd, "undecided", "what becomes of what is held: agreed, or carry it on to a later period", "agreed", string(clearing.UndecidedCarry))
	cmd.Flags().BoolVar(&request, "request", false, "ask another key to approve it: write what it comes to, and close nothing")
	cmd.Flags().Int64Var(&approve, "approve", 0, "approve the request of this ID, which another key made")
	f.register(cmd)
	return cmd
}

// closeTells is how often it is told how far a close is; one that takes no longer tells
// nothing.
const closeTells = 2 * time.Second

// tellWhile tells how far a close is, until it is stopped.
func tellWhile(ctx context.Context, c *adminClient, tell func(string)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	asking := *c
	asking.http = newAdminHTTP(c.tls)
	ticker, done := time.NewTicker(closeTells), make(chan struct{})
	go func() {
		defer close(done)
		tellEach(ctx, &asking, ticker.C, tell)
	}()
	return func() {
		cancel()
		<-done
		ticker.Stop()
	}
}

// tellEach asks at each tick how far a close is, and tells it where it went on. Who may not
// ask, or gets no answer, is told nothing: the close itself says what came of it.
func tellEach(ctx context.Context, c *adminClient, ticks <-chan time.Time, tell func(string)) {
	last := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		}
		var answer struct {
			Underway *rest.CloseUnderway `json:"underway"`
		}
		if err := c.do(ctx, http.MethodGet, "/periods/closing", nil, &answer); err != nil {
			return
		}
		if u := answer.Underway; u != nil && progressText(u) != last {
			last = progressText(u)
			tell(last)
		}
	}
}

func progressText(u *rest.CloseUnderway) string {
	text := string(u.Stage)
	if u.Lags != "" {
		text += ": " + u.Lags
	}
	if u.Statements > 0 || u.Lines > 0 {
		text += fmt.Sprintf(": %d statements, %d lines", u.Statements, u.Lines)
	}
	return strings.TrimSpace(u.Period + " " + text)
}

// printClose prints what a close came to.
func printClose(out io.Writer, a *rest.Close) error {
	if a.Outcome == rest.OutcomeAlready {
		_, err := fmt.Fprintln(out, "closed")
		return err
	}
	var rows [][]string
	switch a.Outcome {
	case rest.OutcomeRequested:
		rows = [][]string{{"ID", "PERIOD", "FOR", "STATEMENTS", "LINES", "ASKED", "BY"}, {fmt.Sprint(a.Record), a.Period, scopeName(&a.CPO, &a.EMSP), fmt.Sprint(a.Statements), fmt.Sprint(a.Lines), a.At, a.By}}
	case rest.OutcomeClosed:
		rows = [][]string{{"PERIOD", "STATEMENTS", "LINES", "RECORD", "ISSUED"}, {a.Period, fmt.Sprint(a.Statements), fmt.Sprint(a.Lines), fmt.Sprint(a.Record), a.At}}
		if q := a.Requested; q != nil {
			rows = append(rows, []string{""}, []string{"asked for by", q.By, "record " + fmt.Sprint(q.Record)}, []string{"approved by", a.By})
		}
	}
	if rows != nil {
		rows = append(rows, []string{""}, []string{"CPO", "STATEMENTS", "NUMBERS"})
		for _, s := range a.Creditors {
			numbers := "none yet"
			if s.First > 0 {
				numbers = fmt.Sprintf("%d to %d", s.First, s.First+s.Statements-1)
			}
			rows = append(rows, []string{s.CPO, fmt.Sprint(s.Statements), numbers})
		}
		rows = append(rows, []string{""}, []string{"CURRENCY", "NET"})
		for _, currency := range slices.Sorted(maps.Keys(a.Net)) {
			rows = append(rows, []string{currency, a.Net[currency]})
		}
		rows = append(rows, []string{""}, []string{"root", a.Root})
		if a.Chain != "" {
			rows = append(rows, []string{"chain", a.Chain})
		}
		if len(a.Undecided) > 0 {
			rows = append(rows, []string{""}, []string{"carried on:"})
		}
		if err := printTable(out, rows); err != nil || len(a.Undecided) == 0 {
			return err
		}
	}
	rows = [][]string{{"GROUND", "CPO", "EMSP", "CURRENCY", "CDRS", "CLAIMED"}}
	for _, u := range a.Undecided {
		rows = append(rows, []string{u.Ground, u.CPO, u.EMSP, u.Currency, fmt.Sprint(u.Count), u.Claimed})
	}
	return printTable(out, rows)
}

func newPeriodListCmd(service *serviceFlags) *cobra.Command {
	return newListCmd(service, &cobra.Command{
		Use: "list", Short: "List the closed months, with which settlement begins, and closes that wait to be approved",
		Example: "  roamclear period list --data data\n  roamclear period list --format json",
	}, "/periods", periodRows)
}

func periodRows(list *admin.PeriodList) [][]string {
	rows := [][]string{{"CLOSED", "FOR", "STATEMENTS", "LINES", "ISSUED", "BY"}}
	for _, c := range list.Closes {
		by := c.By
		if q := c.Requested; q != nil {
			by = q.By + ", approved by " + c.By
		}
		rows = append(rows, []string{c.Period.String(), scopeName(&c.CPO, &c.EMSP), fmt.Sprint(c.Statements), fmt.Sprint(c.Lines), c.IssuedAt, by})
	}
	for _, m := range list.Closed {
		rows = append(rows, []string{m.String(), "elsewhere"})
	}
	if len(list.Begun) > 0 {
		rows = append(rows, []string{""}, []string{"BEGINS", "FOR", "DECIDED", "BY"})
	}
	for _, b := range list.Begun {
		rows = append(rows, []string{b.Month.String(), scopeName(&b.CPO, &b.EMSP), b.DecidedAt, b.By})
	}
	if len(list.Requests) > 0 {
		rows = append(rows, []string{""}, []string{"WAITS", "FOR", "STATEMENTS", "LINES", "ASKED", "BY", "ID", "NET"})
	}
	for _, q := range list.Requests {
		var net []string
		for _, currency := range slices.Sorted(maps.Keys(q.Net)) {
			net = append(net, currency+" "+q.Net[currency])
		}
		rows = append(rows, []string{q.Period.String(), scopeName(&q.CPO, &q.EMSP), fmt.Sprint(q.Statements), fmt.Sprint(q.Lines), q.RequestedAt, q.By, fmt.Sprint(q.Record), strings.Join(net, ", ")})
	}
	if list.MoreRequests > 0 {
		rows = append(rows, []string{fmt.Sprintf("and %d more", list.MoreRequests)})
	}
	return rows
}

func newPeriodBeginCmd(service *serviceFlags) *cobra.Command {
	var scope scopeFlags
	cmd := &cobra.Command{
		Use:   "begin YYYY-MM [--cpo CC*ID] [--emsp CC*ID]",
		Short: "Begin settlement with a month: what belongs before is settled elsewhere",
		Long: `Begin the settlement of a pair, of all pairs of a party, or of the house with a month.
What belongs before it is settled elsewhere: it is shown and counted, and never on a
statement (GET /api/v1/queue/cdrs?state=before lists it). What was open and goes there is told. The last
begin of a pair, party or house counts, so that a wrong one can be put right: an earlier one
at any time, a later one for pairs that have no statement yet.`,
		Example: "  roamclear period begin 2026-01 --data data\n  roamclear period begin 2026-04 --cpo NL*TNM --emsp DE*EMP --data data",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := service.client()
			if err != nil {
				return err
			}
			q := admin.BeginRequest{CPO: scope.cpo, EMSP: scope.emsp, Month: args[0]}
			var begun admin.PeriodsBegun
			if err := c.do(cmd.Context(), http.MethodPost, "/periods/begins", q, &begun); err != nil {
				return fmt.Errorf("begin period: %w", err)
			}
			cmd.PrintErrf("The settlement of %s begins with %s.\n", scopeName(&scope.cpo, &scope.emsp), args[0])
			for _, t := range begun.Elsewhere {
				cmd.PrintErrf("Settled elsewhere by this, since they belong before: %d CDRs that were open, claiming %s %s.\n", t.Count, t.Claimed, cmp.Or(t.Currency, "of no currency"))
			}
			return nil
		},
	}
	scope.register(cmd, service, "all its pairs", "the house")
	return cmd
}
