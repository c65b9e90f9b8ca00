package rest

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/statement"
)

// lookupHeader are the columns beside those of a line: by what a partner finds the CDR
// again, and what it claims and comes to as it is priced now. Amounts are before tax.
var lookupHeader = []string{"session", "contract", "evse", "location", "place", "start_local", "end_local", "time_zone", "tariff", "cause",
	"claimed", "claimed_fixed", "claimed_energy", "claimed_time", "claimed_parking", "claimed_reservation",
	"computed", "computed_fixed", "computed_energy", "computed_time", "computed_parking", "computed_reservation"}

// linesAtOnce is of how many lines what stands beside is read together: some 25 MB. Their
// CDRs are scattered over the store, so fewer at a time read the same parts of it as often
// again (500 lines take half as long as 10,000, see BenchmarkLookups).
const linesAtOnce = 10_000

// writeStatementCSV answers with a statement as a table: its envelope, then its lines, each
// with what a partner needs to look it up. Lines are read and written in pieces.
func writeStatementCSV(c *gin.Context, p Papers, f *FoundStatement, e *Envelope) error {
	table := CSV{Head: e.head(), Header: slices.Concat(statement.LineMembers(), lookupHeader)}
	for first, rest := true, f.Lines; first || len(rest) > 0; first = false {
		lines := rest[:min(len(rest), linesAtOnce)]
		rest = rest[len(lines):]
		rows, err := p.rows(c.Request.Context(), f, lines)
		if err != nil && first {
			return err
		}
		if first {
			CSVHeaders(c, StatementName(f.CPO, f.EMSP, f.Period, f.Currency)+".csv")
			c.Header("Content-Type", "text/csv; charset=utf-8") // the envelope stands before the header
			c.Status(http.StatusOK)
		}
		if err == nil {
			table.Rows = slices.Values(rows)
			err = table.Encode(c.Writer)
			table.Head, table.Header = nil, nil
		}
		if err != nil { // a part went out: break the connection, so that nobody takes it for all
			_ = c.Error(err)
			panic(http.ErrAbortHandler)
		}
	}
	return nil
}

// rows are lines with what stands beside them.
func (p Papers) rows(ctx context.Context, f *FoundStatement, lines []statement.Line) ([][]string, error) {
	keys := make([]ocpi.Key, len(lines))
	for i := range lines {
		keys[i] = ocpi.Key{Party: f.CPO, ID: strings.TrimPrefix(lines[i].CDR, f.CPO.String()+"*")}
	}
	beside, err := p.beside(ctx, keys, f.Zone)
	if err != nil {
		return nil, err
	}
	rows := make([][]string, len(lines))
	for i := range lines {
		cells := lines[i].Cells()
		cells[0], cells[2] = Cell(cells[0]), Cell(cells[2])
		more := beside[keys[i]]
		if more == nil {
			more = &besideLine{}
		}
		rows[i] = append(cells, more.cells(&lines[i])...)
	}
	return rows, nil
}

// besideLine is what is known of a CDR beside its line.
type besideLine struct {
	settlement.Lookup
	zone                                                         *tariff.Zone
	contract, place                                              string
	claims                                                       ocpi.Number
	claimsFixed, claimsEnergy, claimsTime, claimsPark, claimsRes ocpi.Number
}

// beside looks CDRs up. Zone is that of the statement: of those whose own is not known.
func (p Papers) beside(ctx context.Context, keys []ocpi.Key, zone string) (map[ocpi.Key]*besideLine, error) {
	found := make(map[ocpi.Key]*besideLine, len(keys))
	if p.Lookups == nil {
		return found, nil
	}
	at, positions := map[ingest.Position]*besideLine{}, []ingest.Position{}
	err := p.Lookups.LookupsOf(ctx, keys, func(l *settlement.Lookup) error {
		b := &besideLine{Lookup: *l}
		var err error
		if b.TimeZone == "" {
			b.TimeZone = zone
		}
		if b.zone, err = tariff.LoadZone(b.TimeZone); err != nil {
			return fmt.Errorf("%s: %w", l.Key, err)
		}
		found[l.Key], at[l.Position] = b, b
		positions = append(positions, l.Position)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, p.Lookups.BodiesAt(ctx, positions, func(p ingest.Position, v ocpi.Version, body []byte) error {
		at[p].read(v, body)
		return nil
	})
}

// read reads what the body alone has. One that cannot be read says nothing of it.
func (b *besideLine) read(v ocpi.Version, body []byte) {
	cdr, err := new(ocpi.Decoder).CDR(v, body)
	if err != nil {
		return
	}
	b.contract = strings.Clone(cdr.Token.ContractID)
	if b.EVSEID == "" {
		b.EVSEID = strings.Clone(cdr.Location.EVSEUID)
	}
	place := PlaceOf(body)
	b.place = Joined(", ", place.Name, place.Address, Joined(" ", place.PostalCode, place.City))
	b.claims, b.claimsFixed, b.claimsEnergy = cdr.TotalCost.Excl, cdr.TotalFixedCost.Excl, cdr.TotalEnergyCost.Excl
	b.claimsTime, b.claimsPark, b.claimsRes = cdr.TotalTimeCost.Excl, cdr.TotalParkingCost.Excl, cdr.TotalReservationCost.Excl
}

func (b *besideLine) cells(l *statement.Line) []string {
	if b.zone == nil {
		return make([]string, len(lookupHeader))
	}
	cells := []string{Cell(b.SessionID), Cell(b.contract), Cell(b.EVSEID), Cell(b.LocationID), Cell(b.place),
		localTime(l.Start, b.zone), localTime(l.End, b.zone), b.TimeZone, Cell(b.TariffIDs), strings.ReplaceAll(b.Cause, "_", " ")}
	for _, n := range []ocpi.Number{b.claims, b.claimsFixed, b.claimsEnergy, b.claimsTime, b.claimsPark, b.claimsRes,
		b.Computed.Excl, b.Fixed.Excl, b.Energy.Excl, b.Time.Excl, b.Parking.Excl, b.Reserving.Excl} {
		if !n.IsSet() {
			cells = append(cells, "")
			continue
		}
		cells = append(cells, n.Decimal().String())
	}
	return cells
}
