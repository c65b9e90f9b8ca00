package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/roamclear/roamclear/api/rest"
)

// newPartnerHealthCmd tells how the connection with a partner fares.
func newPartnerHealthCmd(service *serviceFlags) *cobra.Command {
	var f format
	var from, to, stale string
	var letter bool
	cmd := &cobra.Command{
		Use:   "health ID",
		Short: "Tell how the connection with a partner fares",
		Long: `Tell of some days what was exchanged with a partner last and how much of it failed, how old
its token is and until when its certificates are good, how many EVSEs did not change for
long and how many connectors name no tariff, how long CDRs took from the end of their charge,
how many came late or were corrected, on which days none is here, what their prices differ
in, and what was found in what it sends. A dash is what is not known. --letter writes what
is to be gone through with the partner in words that one can send to it.

An API key in ` + apiKeyVariable + ` (of scope ops:read) opens it too, else it is the admin token.`,
		Example: `  roamclear partner health gb-dun-cpo --data data
  roamclear partner health gb-dun-cpo --from 2026-11-01 --to 2026-11-30 --letter
  roamclear partner health gb-dun-cpo --stale-after 168h --format json`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: completePartner(service),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := service.keyClient()
			if err != nil {
				return err
			}
			q := url.Values{}
			for name, value := range map[string]string{"from": from, "to": to, "stale_after": stale} {
				if value != "" {
					q.Set(name, value)
				}
			}
			var h rest.PartnerHealth
			if err := c.do(cmd.Context(), http.MethodGet, "/partners/"+url.PathEscape(args[0])+"/health?"+q.Encode(), nil, &h); err != nil {
				return fmt.Errorf("health of %s: %w", args[0], err)
			}
			switch {
			case letter:
				_, err = io.WriteString(cmd.OutOrStdout(), h.Letter())
				return err
			case f.json():
				return writeJSON(cmd.OutOrStdout(), h)
			}
			return printHealth(cmd.OutOrStdout(), &h)
		},
	}
	f.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&from, "from", "", "the first day, such as 2026-11-01; 7 days up to the last one where it is left out")
	flags.StringVar(&to, "to", "", "the last day; today where it is left out")
	flags.StringVar(&stale, "stale-after", "", "an EVSE is stale that did not change for this long, such as 168h (default 720h)")
	flags.BoolVar(&letter, "letter", false, "write a letter to the partner")
	cmd.MarkFlagsMutuallyExclusive("letter", "format")
	return cmd
}

func printHealth(out io.Writer, h *rest.PartnerHealth) error {
	rows := [][]string{{"FIGURE", "VALUE"}, {"days", h.From + " to " + h.To}}
	add := func(what, value string) { rows = append(rows, []string{what, value}) }
	of := func(n, whole uint64, share *string) string {
		if share == nil {
			return "-"
		}
		return fmt.Sprintf("%d of %d (%s)", n, whole, *share)
	}
	known := func(s *string) string {
		if s == nil {
			return "-"
		}
		return *s
	}
	took := func(s *int64) string {
		if s == nil {
			return "-"
		}
		return (time.Duration(*s) * time.Second).String()
	}
	if x := h.Exchanges; x != nil {
		add("requests of theirs that failed since "+x.Since, of(x.In.Failed, x.In.Requests, x.In.Rate))
		add("requests of ours that failed since "+x.Since, of(x.Out.Failed, x.Out.Requests, x.Out.Rate))
	}
	add("token since", known(h.TokenSince))
	for _, one := range h.Certificates {
		add(one.Use+" certificate good until", one.Ends)
	}
	if l := h.Locations; l != nil {
		add("EVSEs that did not change for "+l.StaleAfter, fmt.Sprintf("%d of %d", l.Stale, l.EVSEs))
		add("connectors without a tariff", fmt.Sprintf("%d of %d", l.WithoutTariff, l.Connectors))
	}
	if d := h.CDRs; d != nil {
		add("half of the CDRs came within", took(d.P50))
		add("95 % of the CDRs came within", took(d.P95))
		add("late CDRs", of(d.Late, d.Timed, d.LateShare))
		add("corrected CDRs", of(d.Corrected, d.CDRs, d.CorrectedShare))
		add("days without a CDR that is due", strconv.Itoa(len(d.SilentDays)))
	}
	if err := printTable(out, rows); err != nil {
		return err
	}
	if x := h.Exchanges; x != nil && len(x.Modules) > 0 {
		rows = [][]string{{"DIRECTION", "KIND", "OBJECT", "REQUESTS", "FAILED", "LAST", "LAST DONE"}}
		for _, m := range x.Modules {
			rows = append(rows, []string{m.Direction, m.Kind, m.Object, strconv.FormatUint(m.Requests, 10), strconv.FormatUint(m.Failed, 10), m.Last, known(m.LastDone)})
		}
		if err := printBehind(out, rows); err != nil {
			return err
		}
	}
	if len(h.Differences) > 0 {
		rows = [][]string{{"DIFFERENCE", "CODE", "CURRENCY", "CDRS", "CLAIMED", "COMPUTED"}}
		for _, d := range h.Differences {
			rows = append(rows, []string{d.Of, d.Code, d.Currency, strconv.FormatUint(d.CDRs, 10), known(d.Claimed), known(d.Computed)})
		}
		if err := printBehind(out, rows); err != nil {
			return err
		}
	}
	if len(h.Findings) == 0 {
		return nil
	}
	rows = [][]string{{"FINDING", "SEVERITY", "TIMES", "LAST"}}
	for _, one := range h.Findings {
		rows = append(rows, []string{one.Code, one.Severity, strconv.FormatInt(one.Count, 10), one.Last})
	}
	return printBehind(out, rows)
}

// printBehind prints a table behind another.
func printBehind(out io.Writer, rows [][]string) error {
	if _, err := fmt.Fprintln(out); err != nil {
		return err
	}
	return printTable(out, rows)
}
