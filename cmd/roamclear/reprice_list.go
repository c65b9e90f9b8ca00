package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/settlement"
)

// maxListedRepricings is how many re-pricings are listed, the latest ones.
const maxListedRepricings = 1000

// appliedJSON is a re-pricing that was applied.
type appliedJSON struct {
	Run           string        `json:"run"`
	From          string        `json:"from"`
	To            string        `json:"to"`
	Party         string        `json:"party,omitempty"`
	Profile       string        `json:"profile,omitempty"`
	Engine        string        `json:"engine"`
	ZoneDB        string        `json:"zone_db"`
	Reference     int64         `json:"reference_offset"` // below which reference data counted
	Control       int64         `json:"control_offset"`   // below which decisions counted
	Count         int64         `json:"count"`            // results to be replaced
	Left          int64         `json:"left_count"`       // of them, those that are not yet: apply it again
	ReplacedSince int64         `json:"replaced_since_count"`
	Digest        ingest.Digest `json:"digest"`
	By            string        `json:"by"`
	Record        int64         `json:"record"`
	AppliedAt     string        `json:"applied_at"`
}

func newRepriceListCmd() *cobra.Command {
	var f format
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the re-pricings that were applied",
		Long: fmt.Sprintf(`List the re-pricings that were applied, as the control log has them, the last %d:
on what terms, how many results were to be replaced, how many of these another one
has replaced since, and the digest over all of them. One with results left died on
the way: apply it again. It works beside a running service or without one.`, maxListedRepricings),
		Example: "  roamclear reprice list --data data\n  roamclear reprice list --data data --format json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := configFrom(cmd)
			if err != nil {
				return err
			}
			list, err := listRepricings(cmd.Context(), c)
			if err != nil {
				return err
			}
			if f.json() {
				return writeJSON(cmd.OutOrStdout(), struct {
					Repricings []appliedJSON `json:"repricings"`
				}{list})
			}
			rows := [][]string{{"APPLIED", "RUN", "RESULTS", "LEFT", "SINCE", "BY", "RECORD"}}
			for i := range list {
				a := &list[i]
				rows = append(rows, []string{a.AppliedAt, a.Run, fmt.Sprint(a.Count), fmt.Sprint(a.Left), fmt.Sprint(a.ReplacedSince), a.By, fmt.Sprint(a.Record)})
			}
			return printTable(cmd.OutOrStdout(), rows)
		},
	}
	configFlags(cmd)
	f.register(cmd)
	return cmd
}

// listRepricings reads the control log and how what it says stands in the store.
func listRepricings(ctx context.Context, c Config) (list []appliedJSON, err error) {
	b, closeBackends, err := openForVerify(ctx, &c)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeBackends()) }()
	d, err := openDecisions(ctx, b.log, nil)
	if err != nil {
		return nil, err
	}
	if err := d.fold(ctx); err != nil {
		return nil, fmt.Errorf("read the control log: %w", err)
	}
	list = []appliedJSON{}
	err = d.repricings.Applied(ctx, maxListedRepricings, func(a *settlement.AppliedRun) error {
		stands, err := b.store.AppliedStanding(ctx, a.ID())
		list = append(list, appliedJSON{
			Run: a.Run, From: a.From.String(), To: a.To.String(), Party: optionalParty(a.Party), Profile: a.Profile, Engine: a.Engine, ZoneDB: a.ZoneDB,
			Reference: a.AsOf.Reference, Control: a.AsOf.Control, Count: a.Count, Left: stands.Left, ReplacedSince: stands.Since,
			Digest: a.Digest, By: a.By, Record: a.Offset, AppliedAt: a.At.String(),
		})
		return err
	})
	return list, err
}
