package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
)

// demoRow is what the demo prints of a settlement row.
type demoRow struct {
	CPO      string  `json:"cpo"`
	EMSP     *string `json:"emsp"`
	Month    string  `json:"month"`
	Currency string  `json:"currency"`
	CDRs     int     `json:"cdr_count"`
	Credits  int     `json:"credit_count"`
	Differs  int     `json:"differs_count"`
	Unpriced int     `json:"unpriced_count"`
	Claimed  demoSum `json:"claimed"`
	Net      demoSum `json:"net"`
	Computed demoSum `json:"computed"`
}

type demoSum struct {
	Excl string `json:"excl_vat"`
}

func (d *demo) settlement(ctx context.Context) ([]demoRow, error) {
	var report struct {
		Rows []demoRow `json:"rows"`
	}
	err := d.get(ctx, "/api/v1/reports/settlement?from=2016-01&to=2025-12", &report)
	return report.Rows, err
}

// maxShownRows bounds the settlement summary on the terminal.
const maxShownRows = 15

// show prints the settlement summary, one explained CDR and where to look.
func (d *demo) show(ctx context.Context) error {
	rows, err := d.settlement(ctx)
	if err != nil {
		return err
	}
	d.printf("\nWho claims what from whom (excl. VAT):\n\n")
	w := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "CPO\teMSP\tmonth\t\tCDRs\tclaimed\tnet of credits\tcomputed\tdiffer\tunpriced\t") //nolint:errcheck // as in printf
	for i, r := range rows {
		if i == maxShownRows {
			break
		}
		emsp := "unknown"
		if r.EMSP != nil {
			emsp = *r.EMSP
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\t%d\t%d\t\n", r.CPO, emsp, r.Month, r.Currency, r.CDRs, r.Claimed.Excl, r.Net.Excl, r.Computed.Excl, r.Differs, r.Unpriced) //nolint:errcheck // as in printf
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if len(rows) > maxShownRows {
		d.printf("  … and %d more rows\n", len(rows)-maxShownRows)
	}
	if cdr := d.file.CDR; cdr != "" {
		var detail struct {
			Text string `json:"explanation_text"`
		}
		if err := d.get(ctx, cdr, &detail); err != nil {
			return err
		}
		d.printf("\nOne CDR explained (%s):\n\n%s\n", cdr, indent(detail.Text))
	}
	d.printf(`
Where to look
  page      %[1]s/
  report    curl -s -H 'Authorization: Bearer %[2]s' '%[1]s/api/v1/reports/settlement?from=2016-01&to=2025-12'
  push one  curl -i -H 'Authorization: Token %[3]s' -H 'Content-Type: application/json' --data-binary @%[4]s %[1]s/ocpi/2.2.1/receiver/cdrs
  prove it  roamclear verify --data %[5]s
`, d.client.url, d.file.Key, d.file.Tokens[d.file.Example], d.path("demo-cdr.json"), d.client.data)
	return nil
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n  ")
}
