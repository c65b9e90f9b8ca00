package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/clickhouse"
)

// around knows what is to be told of a period beside CDRs that count. It implements
// rest.Around.
type around struct {
	store    *clickhouse.Store
	partners *control.Partners
}

// Conflicts implements rest.Around.
func (a around) Conflicts(ctx context.Context, cpo ocpi.Party, fn func(ocpi.Key)) error {
	return rest.EachConflict(ctx, a.store, cpo, fn)
}

// Parties implements rest.Around.
func (a around) Parties(ctx context.Context, scope clearing.Scope, period ocpi.Month) ([]rest.CheckedParty, error) {
	refused, err := a.store.RefusedCDRs(ctx, ocpi.TimeOf(period.Start()))
	if err != nil {
		return nil, err
	}
	list := []rest.CheckedParty{}
	for _, p := range a.partners.All() {
		if !concerns(p, scope) {
			continue
		}
		one, err := a.party(ctx, p, refused[p.ID])
		if err != nil {
			return nil, err
		}
		if one.SilentSince != nil || one.Refused+one.LateCDRs+len(one.Absent) > 0 {
			list = append(list, one)
		}
	}
	return list, nil
}

// concerns reports whether a partner is one of those whom a scope names, where it names
// any.
func concerns(p *control.Partner, scope clearing.Scope) bool {
	return scope == clearing.Scope{} || slices.ContainsFunc(p.Roles, func(r control.Role) bool { return r.Party() == scope.CPO || r.Party() == scope.EMSP })
}

func (a around) party(ctx context.Context, p *control.Partner, refused int) (one rest.CheckedParty, err error) {
	one = rest.CheckedParty{Partner: p.ID, Parties: []string{}, Refused: refused, Absent: []string{}}
	var emsps []ocpi.Party
	for _, r := range p.Roles {
		one.Parties = append(one.Parties, r.Party().String())
		if r.Role == control.RoleEMSP {
			emsps = append(emsps, r.Party())
		}
	}
	slices.Sort(one.Parties)
	one.Parties = slices.Compact(one.Parties)
	if is := a.partners.Presence(p, ocpi.TimeOf(time.Now())); is.Status == ocpi.Offline {
		since := is.Since.String()
		one.SilentSince = &since
	}
	late, err := a.store.LateCDRs(ctx, emsps)
	one.LateCDRs = late.Count
	for _, absent := range a.partners.Absent(p.ID) {
		one.Absent = append(one.Absent, absent.Found().Detail)
	}
	return one, err
}

// newPeriodCheckCmd shows what a close would meet.
func newPeriodCheckCmd(service *serviceFlags) *cobra.Command {
	var scope scopeFlags
	var f format
	cmd := &cobra.Command{
		Use:   "check YYYY-MM [--cpo CC*ID] [--emsp CC*ID]",
		Short: "Show what a close of a month would meet, and what is still to be decided",
		Long: `Show what a close of a month would meet. Exit code 0: nothing is undecided. 1: CDRs are
held, and are listed by cause and partner. All else is told and keeps nothing from being
closed: CDRs that differ, cannot be priced, or came again with another content, what each
pair has, and partners that are silent, whose bodies were refused since the month began,
whose lists of CDRs grew behind what they had read, or whose lists lack what is here.`,
		Example: "  roamclear period check 2019-06 --data data\n  roamclear period check 2019-06 --cpo NL*TNM --format json",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := service.client()
			if err != nil {
				return err
			}
			var check rest.PeriodCheck
			q := scope.add(url.Values{"period": {args[0]}})
			if err := c.do(cmd.Context(), http.MethodGet, "/periods/check?"+q.Encode(), nil, &check); err != nil {
				return fmt.Errorf("check period: %w", err)
			}
			if f.json() {
				err = writeJSON(cmd.OutOrStdout(), check)
			} else {
				err = printTable(cmd.OutOrStdout(), checkRows(&check))
			}
			if err == nil && undecided(&check) {
				return &exitError{1, nil}
			}
			return err
		},
	}
	scope.register(cmd, service, "all its pairs", "all pairs")
	f.register(cmd)
	return cmd
}

// undecided reports whether anything keeps the period from being closed.
func undecided(c *rest.PeriodCheck) bool {
	return len(c.Undecided.Groups)+len(c.Undecided.Problems) > 0
}

// checkRows are what is undecided, then what is told.
func checkRows(c *rest.PeriodCheck) [][]string {
	rows := [][]string{{"nothing is undecided"}}
	if undecided(c) {
		rows = queueRows(&c.Undecided)
	}
	rows = append(rows, []string{""}, []string{"TOLD", "CURRENCY", "COUNT", "CLAIMED"})
	for _, t := range c.Told {
		rows = append(rows, []string{t.What, t.Currency, fmt.Sprint(t.Count), t.Claimed})
	}
	rows = append(rows, []string{""}, []string{"CPO", "EMSP", "CURRENCY", "CDRS", "CLAIM", "ACCEPTED", "CLAIM", "ZEROED", "CLAIM", "HELD", "CLAIM", "REJECTED", "CLAIM"})
	for _, p := range c.Pairs {
		row := []string{p.CPO, orDash(p.EMSP), p.Currency}
		for _, a := range []rest.Apart{p.Received, p.Accepted, p.Zeroed, p.Held, p.Rejected} {
			row = append(row, fmt.Sprint(a.Count), a.Claimed)
		}
		rows = append(rows, row)
	}
	rows = append(rows, []string{""}, []string{"PARTNER", "PARTIES", "SILENT SINCE", "REFUSED", "LATE CDRS", "ABSENT"})
	for _, p := range c.Partners {
		rows = append(rows, []string{p.Partner, strings.Join(p.Parties, " "), orDash(p.SilentSince), fmt.Sprint(p.Refused), fmt.Sprint(p.LateCDRs), strings.Join(p.Absent, "; ")})
	}
	return rows
}
