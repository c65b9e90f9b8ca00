package world

import (
	"bytes"
	"compress/gzip"
	_ "embed" // the extract, so that a clone alone runs
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

//go:embed extract.csv.gz
var extract []byte

// columns of a source, in order. See README.md.
var columns = strings.Split("source,id,station,connector,site,country,time_zone,current,kw,start,end,charging_s,kwh,cost,currency,user", ",")

// row is one real charge.
type row struct {
	source, id, station, connector, site string
	dc                                   bool
	kw                                   int64
	start, end                           time.Time
	charging                             time.Duration // 0 where not published
	wattHours                            int64         // may be negative: dirt of the source
	user                                 string        // "" where not published
}

// Extract returns the embedded extract of about 2,000 rows as gzipped CSV.
func Extract() io.Reader { return bytes.NewReader(extract) }

// Open opens a gzipped CSV of charges; "" is the embedded extract. The caller
// closes it.
func Open(path string) (io.ReadCloser, error) {
	if path == "" {
		return io.NopCloser(Extract()), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open charges: %w (leave the path out to use the embedded extract)", err)
	}
	return f, nil
}

// rows reads a gzipped CSV line by line.
func rows(source io.Reader) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		unzipped, err := gzip.NewReader(source)
		if err != nil {
			yield(row{}, fmt.Errorf("read charges: %w", err))
			return
		}
		r := csv.NewReader(unzipped)
		r.ReuseRecord = true
		r.FieldsPerRecord = len(columns)
		head, err := r.Read()
		if err != nil {
			yield(row{}, fmt.Errorf("read header of charges: %w", err))
			return
		}
		if got, want := strings.Join(head, ","), strings.Join(columns, ","); got != want {
			yield(row{}, fmt.Errorf("read header of charges: have %q, want %q", got, want))
			return
		}
		for {
			f, err := r.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(row{}, fmt.Errorf("read charges: %w", err))
				return
			}
			charge, err := parseRow(f)
			if err != nil {
				line, _ := r.FieldPos(0)
				yield(row{}, fmt.Errorf("read charges, line %d: %w", line, err))
				return
			}
			if !yield(charge, nil) {
				return
			}
		}
	}
}

func parseRow(f []string) (row, error) {
	r := row{source: f[0], id: f[1], station: f[2], connector: f[3], site: strings.Join(strings.Fields(f[4]), " "), dc: f[7] == "DC", user: f[15]}
	var err error
	if r.start, err = time.Parse(time.RFC3339, f[9]); err != nil {
		return row{}, fmt.Errorf("start: %w", err)
	}
	if r.end, err = time.Parse(time.RFC3339, f[10]); err != nil {
		return row{}, fmt.Errorf("end: %w", err)
	}
	kw, err := decimal.NewFromString(f[8])
	if err != nil {
		return row{}, fmt.Errorf("kw: %w", err)
	}
	kwh, err := decimal.NewFromString(f[12])
	if err != nil {
		return row{}, fmt.Errorf("kwh: %w", err)
	}
	r.kw, r.wattHours = kw.IntPart(), kwh.Shift(3).IntPart()
	if f[11] != "" {
		seconds, err := decimal.NewFromString(f[11])
		if err != nil {
			return row{}, fmt.Errorf("charging_s: %w", err)
		}
		r.charging = time.Duration(seconds.IntPart()) * time.Second
	}
	return r, nil
}
