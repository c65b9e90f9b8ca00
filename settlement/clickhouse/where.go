package clickhouse

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// Bounds of one page.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// pageSize returns a page size within bounds.
func pageSize(limit int) int {
	if limit <= 0 {
		return defaultLimit
	}
	return min(limit, maxLimit)
}

// where collects the conditions of a query with their arguments, which
// clickhouse-go quotes.
type where struct {
	conditions []string
	args       []any
}

// and adds a condition. A where may be copied and go on differently: none writes into
// what another has.
func (w *where) and(condition string, args ...any) {
	w.conditions = append(slices.Clip(w.conditions), "("+condition+")")
	w.args = append(slices.Clip(w.args), args...)
}

// or restricts to what meets one of some conditions.
func (w *where) or(either where) { w.and(strings.Join(either.conditions, " OR "), either.args...) }

// pair leads to the blocks of results in which a pair may have rows, by an index: it is no
// condition, and goes beside those that are. Most pairs have few CDRs.
func (w *where) pair(q settlement.SettlementQuery) {
	if !q.CPO.IsZero() && !q.EMSP.IsZero() {
		w.and("indexHint(cityHash64(country, party, emsp_country, emsp_party) = cityHash64(?, ?, ?, ?))", q.CPO.Country, q.CPO.ID, q.EMSP.Country, q.EMSP.ID)
	}
}

// counting restricts rows of results to those that stand for a CDR.
func (w where) counting() where {
	w.conditions = append([]string{"NOT elsewhere"}, w.conditions...)
	return w
}

// String returns the WHERE clause, "" when nothing is restricted.
func (w where) String() string {
	if len(w.conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conditions, " AND ")
}

// parties restricts to rows in which the named roles are held by the parties
// that are not zero; party holds either role.
func (w *where) parties(party, cpo, emsp ocpi.Party) {
	if !party.IsZero() {
		w.and("(cpo_country = ? AND cpo_party = ?) OR (emsp_country = ? AND emsp_party = ?)",
			party.Country, party.ID, party.Country, party.ID)
	}
	if !cpo.IsZero() {
		w.and("cpo_country = ? AND cpo_party = ?", cpo.Country, cpo.ID)
	}
	if !emsp.IsZero() {
		w.and("emsp_country = ? AND emsp_party = ?", emsp.Country, emsp.ID)
	}
}

// noEMSP restricts to rows that name no eMSP.
func (w *where) noEMSP(only bool) {
	if only {
		w.and("emsp_country = '' AND emsp_party = ''")
	}
}

// months restricts to an inclusive range; a zero end does not bound.
func (w *where) months(from, to ocpi.Month) {
	if !from.IsZero() {
		w.and("month >= ?", uint32(from))
	}
	if !to.IsZero() {
		w.and("month <= ?", uint32(to))
	}
}

// days restricts to charges that ended on some days, or began then where their end is
// not known.
func (w *where) days(d settlement.Days) {
	const day = "if(toUnixTimestamp64Nano(end) != 0, end, start)"
	if !d.From.IsZero() {
		w.and(day+" >= fromUnixTimestamp64Nano(?)", d.From.UnixNano())
	}
	if !d.To.IsZero() {
		w.and(day+" < fromUnixTimestamp64Nano(?)", d.To.UnixNano())
	}
}

func (w *where) key(k ocpi.Key) {
	w.and("country = ? AND party = ? AND id = ?", k.Party.Country, k.Party.ID, k.ID)
}

// Cursors name the last row of a page. They are opaque to clients and stay
// valid whatever is written meanwhile.
type keyCursor struct {
	Month   uint32 `json:"m,omitempty"`
	Country string `json:"c"`
	Party   string `json:"p"`
	ID      []byte `json:"i"` // bytes: JSON would mend what is not UTF-8
}

func cursorOf(month uint32, k ocpi.Key) keyCursor {
	return keyCursor{Month: month, Country: k.Party.Country, Party: k.Party.ID, ID: []byte(k.ID)}
}

// placeCursor is the place of a row of results.
type placeCursor struct {
	Month     uint32 `json:"m"`
	Epoch     uint8  `json:"e"`
	Offset    int64  `json:"o"`
	Partition int32  `json:"p"`
}

func cursorAt(p resultPlace) placeCursor {
	return placeCursor{Month: uint32(p.month), Epoch: p.Epoch, Offset: p.Offset, Partition: p.Partition}
}

// behind restricts to the rows of results behind a place. The first two conditions
// follow from the third, and are what the index understands.
func (w *where) behind(c placeCursor) {
	w.and("month >= ?", c.Month)
	w.and("month > ? OR epoch > ? OR offset >= ?", c.Month, c.Epoch, c.Offset)
	w.and("(month, epoch, offset, partition) > (?, ?, ?, ?)", c.Month, c.Epoch, c.Offset, c.Partition)
}

func encodeCursor(c any) (string, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("encode cursor: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// decodeCursor reads a cursor of the wanted kind. "" is the first page.
func decodeCursor[T any](s string) (c T, err error) {
	if s == "" {
		return c, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return c, fmt.Errorf("%w %q: %w", settlement.ErrCursor, s, err)
	}
	if err := ocpi.DecodeStrict(b, &c); err != nil {
		return c, fmt.Errorf("%w %q: %w", settlement.ErrCursor, s, err)
	}
	return c, nil
}

// withKeys makes keys available to a query as the table named wanted.
func withKeys(keys []ocpi.Key) (ch.QueryOption, error) {
	table, err := ext.NewTable("wanted",
		ext.Column("country", "String"), ext.Column("party", "String"), ext.Column("id", "String"))
	if err != nil {
		return nil, fmt.Errorf("make table of keys: %w", err)
	}
	for _, k := range keys {
		if err := table.Append(k.Party.Country, k.Party.ID, k.ID); err != nil {
			return nil, fmt.Errorf("make table of keys: %w", err)
		}
	}
	return ch.WithExternalTable(table), nil
}

// withPlaces makes places of results, in their partitions, available to a query
// as the table named places, of partition, month, epoch and offset.
func withPlaces(places []resultPlace) (ch.QueryOption, error) {
	table, err := ext.NewTable("places", ext.Column("partition", "Int32"), ext.Column("month", "UInt32"),
		ext.Column("epoch", "UInt8"), ext.Column("offset", "Int64"))
	if err != nil {
		return nil, fmt.Errorf("make table of places: %w", err)
	}
	for _, p := range places {
		if err := table.Append(p.Partition, uint32(p.month), p.Epoch, p.Offset); err != nil {
			return nil, fmt.Errorf("make table of places: %w", err)
		}
	}
	return ch.WithExternalTable(table), nil
}

// withPositions makes positions available to a query as the table named wanted.
func withPositions(positions []ingest.Position) (ch.QueryOption, error) {
	table, err := ext.NewTable("wanted",
		ext.Column("partition", "Int32"), ext.Column("epoch", "UInt8"), ext.Column("offset", "Int64"))
	if err != nil {
		return nil, fmt.Errorf("make table of positions: %w", err)
	}
	for _, p := range positions {
		if err := table.Append(p.Partition, p.Epoch, p.Offset); err != nil {
			return nil, fmt.Errorf("make table of positions: %w", err)
		}
	}
	return ch.WithExternalTable(table), nil
}
