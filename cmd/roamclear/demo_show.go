package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/roamclear/roamclear/pricing"
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
	month := fullest(rows)
	d.printf("\nWho claims what from whom in %s, the fullest month (excl. VAT):\n\n", month)
	w := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "CPO\teMSP\tmonth\t\tCDRs\tclaimed\tnet of credits\tcomputed\tdiffer\tunpriced\t") //nolint:errcheck // as in printf
	shown := slices.DeleteFunc(slices.Clone(rows), func(r demoRow) bool { return r.Month != month })
	shown = shown[:min(len(shown), maxShownRows)]
	for _, r := range shown {
		emsp := "unknown"
		if r.EMSP != nil {
			emsp = *r.EMSP
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\t%d\t%d\t\n", r.CPO, emsp, r.Month, r.Currency, r.CDRs, r.Claimed.Excl, r.Net.Excl, r.Computed.Excl, r.Differs, r.Unpriced) //nolint:errcheck // as in printf
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if more := len(rows) - len(shown); more > 0 {
		d.printf("  … and %d more rows, of other months too\n", more)
	}
	if cdr := d.file.CDR; cdr != "" {
		var detail struct {
			Text   string `json:"explanation_text"`
			Result struct {
				Reconciliation *pricing.Reconciliation `json:"reconciliation"`
			} `json:"result"`
		}
		if err := d.get(ctx, cdr, &detail); err != nil {
			return err
		}
		d.printf("\nOne CDR explained (%s%s):\n\n", d.client.url, strings.TrimPrefix(cdr, "/api/v1"))
		if why := detail.Result.Reconciliation; why != nil {
			d.printf("  %s\n\n", why.Sentence())
		}
		d.printf("%s\n", indent(detail.Text))
	}
	d.printf(`
Where to look
  page      %[1]s/?from=%[2]s&to=%[2]s
  report    curl -s -H 'Authorization: Bearer %[3]s' '%[1]s/api/v1/reports/settlement?from=%[2]s&to=%[2]s'
  push one  curl -i -H 'Authorization: Token %[4]s' -H 'Content-Type: application/json' --data-binary @%[5]s %[1]s/ocpi/2.2.1/receiver/cdrs
  prove it  roamclear verify --data %[6]s
  and more  README.md, "Working with it": its examples read the files in %[7]s
`, d.client.url, month, d.file.Key, d.file.Tokens[exampleCPO], d.path(exampleDir, exampleCDR), d.client.data, d.path(exampleDir))
	if d.stations {
		d.printf("  charge    %s/stations/%s/%s/%s-L1: start one, see what it costs, stop it\n", d.client.url, stationParty.Country, stationParty.ID, stationParty.ID)
	}
	if strings.HasPrefix(d.client.url, "https:") {
		d.printf("  https     curl needs --cacert FILE, with the CA of the service's certificate, unless the system knows it\n")
	}
	return nil
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n  ")
}
