package clickhouse

import (
	"context"
	"fmt"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
)

// CDR implements [settlement.Reader]: everything the store knows of one CDR.
func (s *Store) CDR(ctx context.Context, key ocpi.Key) (*settlement.CDRDetail, error) {
	d := &settlement.CDRDetail{}
	if err := s.readResult(ctx, key, d); err != nil {
		return nil, err
	}
	records, err := s.recordsAt(ctx, ingest.TopicCDRs, []ingest.Position{d.Position})
	if err != nil {
		return nil, err
	}
	record, ok := records[d.Position]
	if !ok {
		return nil, fmt.Errorf("read CDR %s: its result is of record %s, which is not in the store: run roamclear verify", key, d.Position)
	}
	d.Version, d.Sender, d.Hash, d.Raw = record.Version, record.Sender, record.Hash, record.Body
	idsAsSent(d)
	var w where
	w.key(key)
	copies, err := s.copiesOf(ctx, w.String(), w.args)
	if err != nil {
		return nil, err
	}
	d.Copies = othersOf(copies[key])
	return d, nil
}

// idsAsSent sets the ids that the tables hold folded, to be found by, as the partner
// wrote them. A body that cannot be read leaves them as they are.
func idsAsSent(d *settlement.CDRDetail) {
	cdr, err := new(ocpi.Decoder).CDR(d.Version, d.Raw)
	if err != nil {
		return
	}
	d.SessionID, d.CreditOf = cdr.SessionID, cdr.CreditReferenceID
}

// readResult fills in what table results holds of a CDR. Where that is says
// table cdrs: wide rows are read of one place alone.
func (s *Store) readResult(ctx context.Context, key ocpi.Key, d *settlement.CDRDetail) error {
	attempt := "read CDR " + key.String()
	places, err := s.placesOfKey(ctx, key)
	if err != nil {
		return err
	}
	at, err := withPlaces(places)
	if err != nil {
		return err
	}
	found := false
	err = s.each(ch.Context(ctx, at), attempt, "SELECT "+detailColumns.row()+
		" FROM results FINAL"+atPlaces+" WHERE NOT elsewhere", nil,
		func(rows driver.Rows) error {
			found = true
			r := resultRow{Row: &pricing.Row{}}
			if err := detailColumns.scan(rows, &r); err != nil {
				return err
			}
			*d = settlement.DetailOf(r.Row, r.month, r.findings)
			return nil
		})
	if err == nil && !found {
		err = fmt.Errorf("%s: %w", attempt, settlement.ErrNotFound)
	}
	return err
}

// placesOfKey returns the places that results may have a row of the CDR at, where it stands
// first. Of two rows of
// one version (0029) the one with more months was written later.
func (s *Store) placesOfKey(ctx context.Context, key ocpi.Key) (places []resultPlace, err error) {
	var w where
	w.key(key)
	err = s.each(ctx, "find CDR "+key.String(), "SELECT partition, at.1, at.2, months FROM (SELECT partition, months, "+stoodSQL+" AS stood FROM cdrs"+w.String()+
		" ORDER BY ver DESC, length(months) DESC LIMIT 1) ARRAY JOIN stood AS at", w.args,
		func(rows driver.Rows) error {
			var at ingest.Position
			var months []uint32
			err := rows.Scan(&at.Partition, &at.Epoch, &at.Offset, &months)
			for _, m := range months {
				places = append(places, resultPlace{Position: at, month: ocpi.Month(m)})
			}
			return err
		})
	return places, err
}

// CDRRaw returns the body of a CDR's first accepted copy, byte for byte, with
// its wire version and position. It returns an error that wraps
// [settlement.ErrNotFound] when the store has no such CDR (yet).
func (s *Store) CDRRaw(ctx context.Context, key ocpi.Key) (raw []byte, v ocpi.Version, p ingest.Position, err error) {
	var w where
	w.key(key)
	attempt := "read CDR " + key.String()
	err = s.conn.QueryRow(ctx, "SELECT partition, epoch, offset FROM cdrs"+w.String()+" ORDER BY ver DESC LIMIT 1", w.args...).
		Scan(&p.Partition, &p.Epoch, &p.Offset)
	if err != nil {
		return nil, 0, p, fail(attempt, err)
	}
	var version uint8
	err = s.conn.QueryRow(ctx, `SELECT version, body FROM records
		WHERE topic = 'cdrs' AND partition = ? AND epoch = ? AND offset = ? LIMIT 1`,
		p.Partition, p.Epoch, p.Offset).Scan(&version, &raw)
	return raw, ocpi.Version(version), p, fail(attempt, err)
}

func othersOf(copies []settlement.Copy) []settlement.Copy {
	if len(copies) < 2 {
		return nil
	}
	return copies[1:]
}
