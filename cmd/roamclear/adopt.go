package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
)

// Who decides which copy of a CDR counts looks next at what it comes to: until it is priced
// is waited for this long, looking this often.
const (
	adoptWaits = 10 * time.Second
	adoptLooks = 100 * time.Millisecond
)

// maxPending bounds the CDRs that are read of which another copy is to count.
const maxPending = 1000

// CopiesOf implements rest.Traces.
func (d *drafts) CopiesOf(ctx context.Context, key ocpi.Key) (*settlement.Copies, error) {
	if err := d.control.machine.Ready(); err != nil {
		return nil, err
	}
	below := d.control.machine.Next()
	if err := statement.Project(ctx, d.control.decided, d.store); err != nil {
		return nil, err
	}
	return d.store.Copies(ctx, key, below)
}

// copies says which copies of what a query is about count, by what was decided below a
// control record that the store knows of.
func (d *drafts) copies(ctx context.Context, q statement.Query, below int64) (c rest.Copies, err error) {
	if q.Key.ID != "" {
		c.Of, err = d.store.Copies(ctx, q.Key, below)
		return c, err
	}
	n, first, err := d.store.AdoptionsPending(ctx, below, maxPending)
	c.Pending, c.More = first, int(n)-len(first)
	return c, err
}

// adopting waits for the copy of a CDR to be priced that a decision has count, and reports
// whether it still is not.
func (d *drafts) adopting(ctx context.Context, key ocpi.Key) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, adoptWaits)
	defer cancel()
	ticker := time.NewTicker(adoptLooks)
	defer ticker.Stop()
	for {
		c, err := d.CopiesOf(ctx, key)
		switch {
		case ctx.Err() != nil:
			return true, nil // it is decided, and carried out later
		case err != nil:
			return false, err
		case c.Pending == nil:
			return false, nil
		}
		select {
		case <-ctx.Done():
			return true, nil
		case <-ticker.C:
		}
	}
}

func newAdoptCmd(service *serviceFlags) *cobra.Command {
	var f format
	q := rest.DecisionRequest{Act: string(clearing.Adopt)}
	cmd := &cobra.Command{
		Use:   "adopt --cdr KEY --copy RECEIPT --reason TEXT",
		Short: "Have another copy of a CDR count than the one that does",
		Long: `Of a CDR that came several times with different contents the first copy counts, until
somebody decides that another one does. It is priced by what is known now, and takes the
place of the one that counted: in lists, reports, receipts, drafts. What was issued of that
one stays; the difference is a correction in the next statement. What was decided of it
(accept, reject, hold) does not hold of the other content.

Copies and what they say are shown at /conflicts, and at /api/v1/conflicts/NL/TNM/C1. To
have the first one count again, adopt it, or undo what was decided.`,
		Example: `  roamclear decide adopt --cdr NL*TNM*C1 --copy 1-0-4711 --reason "they corrected the meter value" --data data
  roamclear decide adopt --cdr NL*TNM*C1 --copy 1-0-4711 --reason "as agreed" --format json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := service.client()
			if err != nil {
				return err
			}
			var a rest.DecisionAnswer
			if err := c.do(cmd.Context(), http.MethodPost, "/decisions", q, &a); err != nil {
				return fmt.Errorf("%s: %w", clearing.Adopt, err)
			}
			return printDecision(cmd.OutOrStdout(), &f, &a)
		},
	}
	cmd.Flags().StringVar(&q.CDR, "cdr", "", "the key of the CDR, such as NL*TNM*C1")
	cmd.Flags().StringVar(&q.Copy, "copy", "", "the receipt of the copy that is to count, such as 1-0-4711")
	cmd.Flags().StringVar(&q.ExpectDigest, "expect-digest", "", "the digest that was shown of the CDR")
	cmd.Flags().StringVar(&q.Reason, "reason", "", "why, for who reads of it later")
	for _, name := range []string{"cdr", "copy", "reason"} {
		must(cmd.MarkFlagRequired(name))
	}
	f.register(cmd)
	return cmd
}
