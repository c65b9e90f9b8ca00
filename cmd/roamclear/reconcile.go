package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// newReconcileCmd holds what a partner has against what is here.
func newReconcileCmd() *cobra.Command {
	var service serviceFlags
	r := reconciling{most: reconcileHeld}
	var country, party, emsp string
	var from, to monthFlag
	var f format
	cmd := &cobra.Command{
		Use:   "reconcile --country CC --party ID --from MONTH --to MONTH FILE",
		Short: "Hold a partner's list of the CDRs it sent against what is here",
		Long: `Hold a CPO's list of the CDRs that it sent against what is here, and name those that are
missing (in FILE, not here), extra (here, not in FILE), and different: in which field,
with both values. A CDR that came more than once with different contents counts as it came
first, and is named as a conflict.

FILE is CSV with the header id,end,currency,total_excl,energy in any order, or a JSON
object with these members a line; "-" is standard input. end is when the charge ended
(any time zone; compared to the second), total_excl is total_cost before tax, energy is
kWh, all as sent; what is not known is empty or null. It may hold more than the months
asked for, three at most at once: what ended in others is left out where it is not here.

Exit code 0: nothing differs. 1: something does. 2: FILE cannot be read; the line and
the field are said.

The service is found through its data directory (--data), or by --url. An API key in
` + apiKeyVariable + ` (of scope finance:read) opens it too, else it is the admin token.`,
		Example: `  roamclear reconcile --country NL --party TNM --from 2019-06 --to 2019-06 cdrs.csv --data data
  roamclear reconcile --country NL --party TNM --emsp DE*EMP --from 2019-06 --to 2019-06 cdrs.jsonl --format json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if to.Compare(from.Month) < 0 || to.Compare(from.Month) >= reconcileMonths {
				return wrongUsage("--to %s: want a month from --from, %s, on, %d at most", to, from, reconcileMonths)
			}
			if r.client, err = service.keyClient(); err != nil {
				return err
			}
			r.from, r.next = from.Start(), to.Add(1).Start()
			cpo := ocpi.NewParty(country, party).String()
			r.cpo, r.query = cpo, url.Values{"cpo": {cpo}, "from": {r.from.Format(time.DateOnly)}, "to": {r.next.AddDate(0, 0, -1).Format(time.DateOnly)}}
			if emsp != "" {
				r.query.Set("emsp", emsp)
			}
			return r.run(cmd, args[0], f.json())
		},
	}
	service.register(cmd)
	cmd.Flags().StringVar(&country, "country", "", "country_code of the CPO, two letters")
	cmd.Flags().StringVar(&party, "party", "", "party_id of the CPO, up to three characters")
	cmd.Flags().StringVar(&emsp, "emsp", "", "only what is for this eMSP, such as DE*EMP")
	cmd.Flags().Var(&from, "from", "the first month, such as 2019-06")
	cmd.Flags().Var(&to, "to", "the last month, inclusive")
	for _, name := range []string{"country", "party", "from", "to"} {
		must(cmd.MarkFlagRequired(name))
	}
	must(cmd.RegisterFlagCompletionFunc("emsp", completeParty(&service)))
	f.register(cmd)
	return cmd
}

const reconcileMonths = 3

// reconcileHeld is how many CDRs of either side are in memory at once; what is more is
// sorted on disk.
var reconcileHeld = 200_000 // tests have fewer

// reconciling holds a file against what is here.
type reconciling struct {
	client     *adminClient
	cpo        string
	query      url.Values
	from, next time.Time // what is asked for is booked from the first of these on, and before the second
	most       int       // CDRs of either side in memory

	out     reconciled
	pending []*settlement.ReceiptPair // missing ones that may be here on another day, and what came behind the first
	lookups int                       // how many of these are missing
	same    int
	beside  int // of the file, of other months
}

func (r *reconciling) run(cmd *cobra.Command, path string, asJSON bool) error {
	byID := func(a, b *settlement.HeldReceipt) int { return cmp.Compare(a.ID(), b.ID()) }
	ours, theirs := &spill[settlement.HeldReceipt]{compare: byID, most: r.most}, &spill[settlement.HeldReceipt]{compare: byID, most: r.most}
	defer ours.close()
	defer theirs.close()
	if err := readReceiptFile(cmd, path, theirs); err != nil {
		return err
	}
	ctx := cmd.Context()
	if err := r.fetch(ctx, ours); err != nil {
		return fmt.Errorf("read what is here: %w", err)
	}
	r.out = reconciled{out: bufio.NewWriter(cmd.OutOrStdout()), json: asJSON, kinds: map[settlement.ReceiptKind]int{}}
	err := settlement.CompareReceipts(ours.all(), theirs.all(), func(p *settlement.ReceiptPair) error { return r.pair(ctx, p) })
	if err == nil {
		err = r.settle(ctx)
	}
	if err == nil {
		err = r.out.end()
	}
	if err != nil {
		return fmt.Errorf("reconcile with %s: %w", path, err)
	}
	n := r.out.kinds
	cmd.PrintErrf("%d CDRs are the same, %d are missing here, %d are extra, %d differ, %d stand in the file more than once.\n",
		r.same, n[settlement.ReceiptMissing], n[settlement.ReceiptExtra], n[settlement.ReceiptDiffers], n[settlement.ReceiptRepeated])
	if r.beside > 0 {
		cmd.PrintErrf("%d of the file ended in other months and were left out.\n", r.beside)
	}
	if len(n) > 0 {
		return &exitError{1, nil}
	}
	return nil
}

// readReceiptFile reads a partner's file. What of it cannot be read is wrong usage.
func readReceiptFile(cmd *cobra.Command, path string, into *spill[settlement.HeldReceipt]) error {
	in, err := openInput(cmd, path)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	err = settlement.ReadReceipts(in, func(line int, one *settlement.Receipt) error {
		return into.add(&settlement.HeldReceipt{ReceiptTexts: one.Texts(), Line: line})
	})
	if err = errors.Join(err, in.Close()); err != nil {
		err = fmt.Errorf("%s: %w", path, err)
		if _, wrong := errors.AsType[*settlement.ReceiptFileError](err); wrong {
			return &exitError{exitUsage, err}
		}
	}
	return err
}

// fetch reads what is here, page by page.
func (r *reconciling) fetch(ctx context.Context, into *spill[settlement.HeldReceipt]) error {
	r.query.Set("limit", strconv.Itoa(rest.MaxReceipts))
	for {
		var page rest.ReceiptCDRs
		if err := r.client.do(ctx, http.MethodGet, "/receipts/cdrs?"+r.query.Encode(), nil, &page); err != nil {
			return err
		}
		for i := range page.CDRs {
			if err := into.add(heldReceipt(&page.CDRs[i])); err != nil {
				return err
			}
		}
		if page.Next == nil {
			return nil
		}
		r.query.Set("cursor", *page.Next)
	}
}

func heldReceipt(c *rest.Receipt) *settlement.HeldReceipt {
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	return &settlement.HeldReceipt{ReceiptTexts: settlement.ReceiptTexts{c.ID, text(c.End), text(c.Currency), text(c.Total), text(c.Energy)}, Day: c.Day, Conflict: c.Conflict}
}

// pair takes a CDR. One that is missing may be here on another day, where its end is
// another one here: that is looked up, for many together, and they are told in order.
func (r *reconciling) pair(ctx context.Context, p *settlement.ReceiptPair) error {
	switch p.Kind() {
	case settlement.ReceiptSame:
		r.same++
		return nil
	case settlement.ReceiptMissing:
		if !r.within(p.Theirs.ReceiptTexts[1]) {
			r.beside++
			return nil
		}
		r.lookups++
	case settlement.ReceiptRepeated:
		if !r.within(p.Theirs.ReceiptTexts[1]) {
			return nil
		}
	}
	r.pending = append(r.pending, p)
	if r.lookups == rest.MaxReceiptIDs || len(r.pending) > 10*rest.MaxReceiptIDs {
		return r.settle(ctx)
	}
	return nil
}

// within reports whether what ended then may be booked in the months asked for: what says
// no end may be.
func (r *reconciling) within(end string) bool {
	if end == "" {
		return true
	}
	at, err := time.Parse(time.RFC3339, end)
	return err != nil || !at.Before(r.from) && at.Before(r.next)
}

// settle looks those up that are missing, and tells what is pending.
func (r *reconciling) settle(ctx context.Context) error {
	elsewhere := map[string]*settlement.HeldReceipt{}
	if r.lookups > 0 {
		q := rest.ReceiptRequest{CPO: r.cpo}
		for _, p := range r.pending {
			if p.Kind() == settlement.ReceiptMissing {
				q.IDs = append(q.IDs, p.ID())
			}
		}
		var found rest.ReceiptCDRs
		if err := r.client.do(ctx, http.MethodPost, "/receipts/cdrs", q, &found); err != nil {
			return fmt.Errorf("look up what is missing: %w", err)
		}
		for i := range found.CDRs {
			elsewhere[found.CDRs[i].ID] = heldReceipt(&found.CDRs[i])
		}
	}
	for _, p := range r.pending {
		if p.Kind() == settlement.ReceiptMissing {
			p.Ours = elsewhere[p.ID()]
		}
		if p.Kind() == settlement.ReceiptSame { // it is for another eMSP than the one asked for
			r.beside++
			continue
		}
		if err := r.out.tell(p); err != nil {
			return err
		}
	}
	r.pending, r.lookups = r.pending[:0], 0
	return nil
}

// reconciled writes what differs.
type reconciled struct {
	out   *bufio.Writer
	json  bool
	kinds map[settlement.ReceiptKind]int
	rows  [][]string
	begun bool
}

// reconcileRow is a CDR that differs, as JSON has it.
type reconcileRow struct {
	Kind     settlement.ReceiptKind `json:"kind"`
	ID       string                 `json:"id"`
	Line     *int                   `json:"line"` // of the file
	Twice    *int                   `json:"first_line,omitempty"`
	Day      *string                `json:"day"` // it is counted on here
	Fields   []reconcileField       `json:"fields,omitempty"`
	Conflict bool                   `json:"conflict"` // it came with several contents: what is here is the copy that counts
}

type reconcileField struct {
	Field  string  `json:"field"`
	Ours   *string `json:"ours"`
	Theirs *string `json:"theirs"`
}

func (w *reconciled) tell(p *settlement.ReceiptPair) error {
	w.kinds[p.Kind()]++
	if w.json {
		return w.tellJSON(p)
	}
	if !w.begun {
		w.rows, w.begun = [][]string{{"CDR", "WHAT", "FIELD", "HERE", "IN THE FILE", ""}}, true
	}
	var notes []string
	if p.Theirs != nil {
		notes = append(notes, fmt.Sprintf("line %d", p.Theirs.Line))
	}
	if p.Twice != 0 {
		notes = append(notes, fmt.Sprintf("as line %d", p.Twice))
	}
	if p.Ours != nil {
		notes = append(notes, "counted on "+p.Ours.Day)
		if p.Ours.Conflict {
			notes = append(notes, "conflict: it came with several contents, this is the copy that counts")
		}
	}
	row := []string{printable(p.ID()), string(p.Kind()), "", "", "", strings.Join(notes, ", ")}
	fields := p.Fields()
	for _, f := range fields {
		row[2], row[3], row[4] = f.Name, orUnknown(f.Ours), orUnknown(f.Theirs)
		w.rows = append(w.rows, row)
		row = []string{"", "", "", "", "", ""}
	}
	if len(fields) == 0 {
		w.rows = append(w.rows, row)
	}
	if len(w.rows) < 1000 {
		return nil
	}
	return w.flush()
}

func orUnknown(s string) string {
	if s == "" {
		return "–"
	}
	return printable(s)
}

func (w *reconciled) flush() error {
	rows := w.rows
	w.rows = nil
	return printTable(w.out, rows)
}

func (w *reconciled) tellJSON(p *settlement.ReceiptPair) error {
	row := reconcileRow{Kind: p.Kind(), ID: p.ID()}
	if p.Theirs != nil {
		row.Line = &p.Theirs.Line
	}
	if p.Twice != 0 {
		row.Twice = &p.Twice
	}
	if p.Ours != nil {
		row.Day, row.Conflict = &p.Ours.Day, p.Ours.Conflict
	}
	for _, f := range p.Fields() {
		row.Fields = append(row.Fields, reconcileField{f.Name, knownText(f.Ours), knownText(f.Theirs)})
	}
	line, err := json.Marshal(row)
	if err != nil {
		return err
	}
	before := ",\n  "
	if !w.begun {
		before, w.begun = "{\"differences\": [\n  ", true
	}
	w.out.WriteString(before)
	_, err = w.out.Write(line)
	return err
}

// knownText is a value, nil where it is not known.
func knownText(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// end writes what is left.
func (w *reconciled) end() error {
	switch {
	case !w.json:
		if err := w.flush(); err != nil {
			return err
		}
	case w.begun:
		w.out.WriteString("\n]}\n")
	default:
		w.out.WriteString("{\"differences\": []}\n")
	}
	return w.out.Flush()
}
