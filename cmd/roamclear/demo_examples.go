package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"

	"github.com/shopspring/decimal"

	"github.com/roamclear/roamclear/benchmarks/world"
)

// Files of the demo's examples, in the directory demo of the data directory: what
// README's examples read. Mode 0600, as some are secrets.
const (
	exampleDir    = "demo"
	exampleCDR    = "cdr.json"    // a CDR to push, which the service does not have yet
	exampleTariff = "tariff.json" // its tariff
	exampleBatch  = "cdrs.jsonl"  // lines for price --batch
	exampleToken  = "token"       // of the CPO that pushes the CDR
	exampleKey    = "key"         // for reports
)

// exampleCPO is whose CDR the example is, exampleKWh how much it is of at least.
const (
	exampleCPO  = "GB*PKC"
	exampleKWh  = 10
	batchLength = 100 // lines of exampleBatch
)

// worthReading are causes of a difference, in the order in which a CDR that has
// one is picked to be shown: those that say most about a tariff first.
var worthReading = []string{"parking_not_charged", "zone_utc", "STEP_NONE", "tariff_of_another_version", "vat_forgotten"}

// saveExamples picks one CDR to look at and writes the files to try things with.
func (d *demo) saveExamples(ctx context.Context, seed uint64) error {
	if err := d.pickCDR(ctx); err != nil {
		return err
	}
	if err := os.MkdirAll(d.path(exampleDir), 0o700); err != nil {
		return fmt.Errorf("make the directory of examples: %w", err)
	}
	files, err := examples(seed)
	if err != nil {
		return err
	}
	files[exampleToken], files[exampleKey] = []byte(d.file.Tokens[exampleCPO]+"\n"), []byte(d.file.Key+"\n")
	for name, content := range files {
		if err := writeFile(d.path(exampleDir, name), content); err != nil {
			return fmt.Errorf("write example %s: %w", name, err)
		}
	}
	d.file.Loaded = true
	return d.save()
}

// pickCDR finds a CDR of the fullest month whose total a known mistake explains,
// with energy that somebody drew; failing that, any that was priced.
func (d *demo) pickCDR(ctx context.Context) error {
	rows, err := d.settlement(ctx)
	if err != nil {
		return err
	}
	month := fullest(rows)
	queries := []url.Values{}
	for _, cause := range worthReading {
		queries = append(queries, url.Values{"cause": {cause}, "from": {month}, "to": {month}})
	}
	for _, q := range append(queries, url.Values{"claim": {"differs"}}, url.Values{"status": {"priced"}}) {
		var list struct {
			CDRs []struct {
				URL    string           `json:"url"`
				Energy *decimal.Decimal `json:"energy_kwh"`
			} `json:"cdrs"`
		}
		if err := d.get(ctx, "/api/v1/cdrs?"+q.Encode(), &list); err != nil {
			return err
		}
		for _, c := range list.CDRs {
			if c.Energy != nil && c.Energy.GreaterThan(decimal.NewFromInt(5)) {
				d.file.CDR = c.URL
				return nil
			}
		}
	}
	return nil
}

// fullest is the month with most CDRs, the earliest of several, "" of none.
func fullest(rows []demoRow) (month string) {
	counts := map[string]int{}
	for _, r := range rows {
		if counts[r.Month] += r.CDRs; month == "" || counts[r.Month] > counts[month] || counts[r.Month] == counts[month] && r.Month < month {
			month = r.Month
		}
	}
	return month
}

// examples makes the files that come of the world alone: of a series of its own, so
// that no CDR of them, and no Session, is in the service.
func examples(seed uint64) (files map[string][]byte, err error) {
	files = map[string][]byte{}
	var lines bytes.Buffer
	for item, err := range world.Items(world.Options{Seed: seed, Only: []world.Module{world.CDRs}, Series: "demo-"}) {
		if err != nil {
			return nil, err
		}
		var cdr struct {
			ID      string            `json:"id"`
			KWh     decimal.Decimal   `json:"total_energy"`
			Tariffs []json.RawMessage `json:"tariffs"`
			Parking json.RawMessage   `json:"total_parking_cost"`
		}
		if item.Class != world.Good && item.Class != world.Mistaken || item.Sender.String() != exampleCPO {
			continue
		}
		if err := json.Unmarshal(item.Body, &cdr); err != nil {
			return nil, fmt.Errorf("read a CDR of the demo world: %w", err)
		}
		if len(cdr.Tariffs) != 1 {
			continue
		}
		if n := bytes.Count(lines.Bytes(), []byte("\n")); n < batchLength {
			fmt.Fprintf(&lines, "{\"id\":%q,\"time_zone\":\"Europe/London\",\"cdr\":%s}\n", cdr.ID, item.Body)
		}
		told := len(cdr.Parking) > 0 && cdr.KWh.GreaterThanOrEqual(decimal.NewFromInt(exampleKWh)) // there is something to explain
		if files[exampleCDR] == nil && item.Class == world.Good && told {
			files[exampleCDR], files[exampleTariff] = item.Body, cdr.Tariffs[0]
		}
	}
	if files[exampleBatch] = lines.Bytes(); files[exampleCDR] == nil {
		return nil, fmt.Errorf("the demo world has no CDR of %s to show", exampleCPO)
	}
	return files, nil
}
