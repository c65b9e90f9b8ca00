package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/roamclear/roamclear/api/rest"
)

// newMessagesCmd shows what was exchanged with partners.
func newMessagesCmd() *cobra.Command {
	var service serviceFlags
	var f format
	filters := map[string]*string{}
	var from, to momentFlag
	limit := 50
	cmd := &cobra.Command{
		Use:   "messages [ID]",
		Short: "Show what was exchanged with partners, request by request",
		Long: `Show the requests of partners and ours to them with their answers, the latest first; or
with an ID one of them, with both bodies and what became of it. They are kept for
messages.retention, found by what the flags say, and no proof of anything: what there was
no room for is counted at the end (docs/messages.md).

A status is one of HTTP (503) or of OCPI (2001), or "failed". Days and instants are in UTC;
a day that is --to is in it.

The service is found through its data directory (--data), or by --url. An API key in
` + apiKeyVariable + ` (of scope ops:read) opens it too, else it is the admin token.`,
		Example: `  roamclear messages --partner nl-tnm-cpo --status failed
  roamclear messages --cdr-id 7b1f-b --format json
  roamclear messages --token-uid 04A1B2C3D4E501 --from 2026-11-30
  roamclear messages 18ecedfe619b825e330ca1b86f000014`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := service.keyClient()
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return showMessage(cmd, c, args[0], &f)
			}
			q := url.Values{"limit": {strconv.Itoa(limit)}}
			filters["from"], filters["to"] = &from.text, &to.text
			for name, value := range filters {
				if *value != "" {
					q.Set(name, *value)
				}
			}
			var list rest.MessageList
			if err := c.do(cmd.Context(), http.MethodGet, "/messages?"+q.Encode(), nil, &list); err != nil {
				return fmt.Errorf("show messages: %w", err)
			}
			if f.json() {
				return writeJSON(cmd.OutOrStdout(), list)
			}
			return printMessages(cmd.OutOrStdout(), &list)
		},
	}
	service.register(cmd)
	for name, what := range map[string]string{
		"partner": "of this partner, such as nl-tnm-cpo", "direction": "in: the partner asked; out: we did",
		"status": "answered so, such as 2001, 503 or failed", "request_id": "with this X-Request-ID", "correlation_id": "with this X-Correlation-ID",
		"session_id": "of this Session", "cdr_id": "of this CDR", "token_uid": "of the Token with this uid",
	} {
		filters[name] = cmd.Flags().String(strings.ReplaceAll(name, "_", "-"), "", what)
	}
	cmd.Flags().Var(&from, "from", "from this day on, such as 2026-11-30, or this instant, such as 2026-11-30T12:00:00Z")
	cmd.Flags().Var(&to, "to", "until this day, inclusive, or before this instant")
	cmd.Flags().IntVar(&limit, "limit", limit, "how many at most, up to 1000")
	complete(cmd, "direction", "in", "out")
	complete(cmd, "status", "failed")
	f.register(cmd)
	return cmd
}

// momentFlag is a flag that takes a day or an instant, as the text it is written as. Another
// value is wrong usage, told before the command does anything.
type momentFlag struct{ text string }

// String implements pflag.Value.
func (f *momentFlag) String() string { return f.text }

// Type implements pflag.Value.
func (*momentFlag) Type() string { return "time" }

// Set implements pflag.Value.
func (f *momentFlag) Set(s string) error {
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		if _, err := time.Parse(time.RFC3339Nano, s); err != nil {
			return errors.New("want a day such as 2026-11-30, or an instant such as 2026-11-30T12:00:00Z")
		}
	}
	f.text = s
	return nil
}

func printMessages(w io.Writer, list *rest.MessageList) error {
	rows := [][]string{{"AT", "PARTNER", "", "METHOD", "OBJECT", "OF", "HTTP", "OCPI", "MS", "REASON", "ID"}}
	for i := range list.Messages {
		m := &list.Messages[i]
		of := strings.TrimSpace(orEmpty(m.Owner) + " " + orEmpty(m.ObjectID))
		rows = append(rows, []string{m.At, cmp.Or(orEmpty(m.Partner), "-"), m.Direction, m.Method, m.Object, cmp.Or(of, "-"), numberOr(m.HTTP), numberOr(m.Status),
			fmt.Sprintf("%d.%d", m.Latency/1000, m.Latency%1000/100), cmp.Or(orEmpty(m.Reason), "-"), m.ID})
	}
	if err := printTable(w, rows); err != nil {
		return err
	}
	if list.Next != nil {
		if _, err := fmt.Fprintln(w, "There are more: ask for a shorter time, or with --limit for more."); err != nil {
			return err
		}
	}
	if list.NotKept == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "%d more were not kept: there was no room for them (messages.queue_bytes).\n", list.NotKept)
	return err
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func numberOr(n *int) string {
	if n == nil {
		return "-"
	}
	return strconv.Itoa(*n)
}

func showMessage(cmd *cobra.Command, c *adminClient, id string, f *format) error {
	var d rest.MessageDetail
	if err := c.do(cmd.Context(), http.MethodGet, "/messages/"+url.PathEscape(id), nil, &d); err != nil {
		return fmt.Errorf("show message %s: %w", id, err)
	}
	if f.json() {
		return writeJSON(cmd.OutOrStdout(), d)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s %s %s\n", d.At, map[string]string{"in": "from", "out": "to"}[d.Direction], cmp.Or(orEmpty(d.Partner), "nobody who was a partner yet"), orEmpty(d.Version))
	fmt.Fprintf(&b, "%s %s\nX-Request-ID %s, X-Correlation-ID %s\n", d.Method, d.Path, d.RequestID, d.CorrelationID)
	fmt.Fprintf(&b, "HTTP %s, OCPI %s, after %d.%03d ms: %s\n", numberOr(d.HTTP), numberOr(d.Status), d.Latency/1000, d.Latency%1000, d.Became)
	if d.Reason != nil {
		fmt.Fprintf(&b, "Reason: %s\n", *d.Reason)
	}
	if d.Held != nil {
		fmt.Fprintf(&b, "Its body is in the log: %s %s\n", d.Held.Topic, d.Held.Position)
	}
	for _, body := range []struct {
		what string
		of   *rest.MessageBody
	}{{"Request", d.Request}, {"Answer", d.Response}} {
		if body.of == nil {
			continue
		}
		fmt.Fprintf(&b, "\n%s\n%s\n", body.what, body.of.Text())
		if !body.of.Whole {
			b.WriteString("(not whole)\n")
		}
	}
	_, err := io.WriteString(cmd.OutOrStdout(), b.String())
	return err
}
