package main

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
)

// Decide implements rest.Decisions. What is drawn next, here or elsewhere, has it.
func (d *drafts) Decide(ctx context.Context, command string, q statement.Query, stand func(rest.Copies) error, drawn func(*statement.Draft) error, made func() (clearing.NewDecision, error)) (done rest.Recorded, err error) {
	var n clearing.NewDecision
	err = d.inTurn(ctx, q, func(q statement.Query, by agreedBelow) error {
		// Before it is drawn: what is carried out then is drawn, and what is decided since is
		// refused by the log.
		copies, err := d.copies(ctx, q, by.below)
		if err == nil {
			err = stand(copies)
		}
		if err != nil {
			return err
		}
		drawer := statement.Drawer{Books: d.store, Agreed: by}
		if err := drawer.Draw(ctx, q, drawn); err != nil {
			return err
		}
		n, err = made()
		n.Control = by.below
		return err
	})
	if err != nil {
		return done, err
	}
	if done.Record, err = d.control.decided.Decide(ctx, command, n); err != nil {
		return done, err
	}
	if err := statement.Project(ctx, d.control.decided, d.store); err != nil {
		return done, err
	}
	if q.Key.ID != "" && (n.Act == clearing.Adopt || n.Act == clearing.Undo) {
		done.Pending, err = d.adopting(ctx, q.Key)
	}
	return done, err
}

// newDecideCmd decides about CDRs.
func newDecideCmd() *cobra.Command {
	var service serviceFlags
	cmd := &cobra.Command{
		Use:   "decide",
		Short: "Decide about CDRs: accept, reject or hold them, which copy counts, or undo that",
		Long: `Decide about one CDR (--cdr), or about all that wait by a ground, as the queue showed
them: its digest (--expect-digest) says that nothing was changed since. With a reason, for
who reads of it later. The grounds that a CDR has are decided on with it; it is opened
again by one that comes later.

What is issued already is not held; accepted or rejected, the difference stands in the
next statement. A credit that is accepted takes off what remains of its original, as it
does by itself; only of one that is held as credit_excess all is owed that it says.

Which copy of a CDR counts that came with several contents is decided by adopt; undo has
the first one count again.

The service is found through its data directory (--data), or by --url and the
environment variable ROAMCLEAR_ADMIN_TOKEN.`,
		Args: cobra.NoArgs,
	}
	service.register(cmd)
	cmd.AddCommand(
		newDecideActCmd(&service, clearing.Accept, "Accept CDRs: they are owed as agreed, or as --at says"),
		newDecideActCmd(&service, clearing.RejectIt, "Reject CDRs: nothing is owed"),
		newDecideActCmd(&service, clearing.HoldIt, "Take CDRs aside: nothing is issued until somebody decides again"),
		newAdoptCmd(&service),
		newDecideActCmd(&service, clearing.Undo, "Undo what was decided: the first copy counts, and rules say what becomes of CDRs"),
	)
	return cmd
}

func printDecision(w io.Writer, f *format, a *rest.DecisionAnswer) error {
	if f.json() {
		return writeJSON(w, a)
	}
	rows := [][]string{{"DECIDED", "CURRENCY", "COUNT", "CLAIMED", "RECORD"}}
	for _, t := range a.Totals {
		rows = append(rows, []string{a.Act, t.Currency, fmt.Sprint(t.Count), t.Claimed, fmt.Sprint(a.Record)})
	}
	if err := printTable(w, rows); err != nil || !a.Pending {
		return err
	}
	_, err := fmt.Fprintln(w, "The copy that is to count is not priced yet; until it is, the one that counted does.")
	return err
}

func newDecideActCmd(service *serviceFlags, act clearing.Act, short string) *cobra.Command {
	var of queueFlags
	var f format
	q := rest.DecisionRequest{Act: string(act)}
	cmd := &cobra.Command{
		Use:   string(act) + " (--cdr KEY | --ground CODE [--cpo CC*ID] [--emsp CC*ID] [--period MONTH] [--currency CODE] --expect-digest DIGEST) --reason TEXT",
		Short: short,
		Example: fmt.Sprintf(`  roamclear decide %[1]s --cdr NL*TNM*C1 --reason "agreed by telephone" --data data
  roamclear decide %[1]s --ground difference --cpo NL*TNM --emsp DE*EMP --currency EUR --expect-digest … --reason "rounding"`, act),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (q.CDR == "") == (of.ground == "") {
				return wrongUsage("give --cdr with the key of one CDR, or --ground for all that wait by it")
			}
			c, err := service.client()
			if err != nil {
				return err
			}
			q.Ground, q.CPO, q.EMSP, q.Period, q.Currency = of.ground, of.cpo, of.emsp, of.period.String(), of.currency
			var a rest.DecisionAnswer
			if err := c.do(cmd.Context(), http.MethodPost, "/decisions", q, &a); err != nil {
				return fmt.Errorf("%s: %w", act, err)
			}
			return printDecision(cmd.OutOrStdout(), &f, &a)
		},
	}
	of.register(cmd, service)
	cmd.Flags().StringVar(&q.CDR, "cdr", "", "the key of one CDR, such as NL*TNM*C1")
	cmd.Flags().StringVar(&q.ExpectDigest, "expect-digest", "", "the digest that the queue showed of the same")
	cmd.Flags().StringVar(&q.Reason, "reason", "", "why, for who reads of it later")
	must(cmd.MarkFlagRequired("reason"))
	if act == clearing.Accept {
		cmd.Flags().StringVar(&q.At, "at", "", "whose amount is owed: claimed or computed (default as agreed)")
		complete(cmd, "at", string(clearing.OwedClaimed), string(clearing.OwedComputed))
	}
	f.register(cmd)
	return cmd
}
