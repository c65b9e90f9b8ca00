package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// OCPICDRs implements [settlement.Reader]. The order is that of arrival (OCPI
// wants oldest first by creation), then of positions: it never changes, and
// last_updated is only compared, never rewritten.
func (s *Store) OCPICDRs(ctx context.Context, q settlement.OCPIQuery) (settlement.OCPIPage, error) {
	var page settlement.OCPIPage
	w, once := senderLists(q)
	if once == "" {
		return page, nil // nobody's CDRs
	}
	var total uint64
	if err := s.conn.QueryRow(ctx, "SELECT count() FROM (SELECT partition, epoch, offset FROM sender_lists FINAL"+w.String()+once+")", w.args...).Scan(&total); err != nil {
		return page, fail("count CDRs", err)
	}
	page.Total = int(total)
	var positions []ingest.Position
	err := s.each(ctx, "list CDRs", "SELECT partition, epoch, offset FROM (SELECT partition, epoch, offset, received FROM sender_lists FINAL"+w.String()+once+
		fmt.Sprintf(") ORDER BY received, epoch, partition, offset LIMIT %d OFFSET %d", pageSize(q.Limit), max(q.Offset, 0)), w.args,
		func(rows driver.Rows) error {
			var p ingest.Position
			err := rows.Scan(&p.Partition, &p.Epoch, &p.Offset)
			positions = append(positions, p)
			return err
		})
	if err != nil {
		return page, err
	}
	return page, s.addBodies(ctx, &page, positions)
}

// Bounds of what is read for a page of bodies, whose sizes are not known before:
// it begins with few and goes on by the mean of those read. What turns out to be
// too much is read again in parts.
const (
	firstChunk  = 4
	chunkGrowth = 4
	chunkBytes  = 4 * settlement.PageBytes
)

// errChunk says that the bodies of a chunk are more than chunkBytes.
var errChunk = errors.New("the bodies are more than are read at once")

// addBodies adds the bodies of those of the first positions that fit a page, at
// least one.
func (s *Store) addBodies(ctx context.Context, page *settlement.OCPIPage, positions []ingest.Position) error {
	size, n := 0, firstChunk
	for len(positions) > 0 {
		chunk := positions[:min(n, len(positions))]
		records, err := s.bodiesAt(ctx, chunk)
		if errors.Is(err, errChunk) && len(chunk) > 1 {
			n = max(1, len(chunk)/chunkGrowth)
			continue
		}
		if err != nil {
			return err
		}
		for _, p := range chunk {
			record, ok := records[p]
			if !ok {
				// A list that leaves one out tells the client that it is gone.
				return fmt.Errorf("list CDRs: record %s is not in the store: run roamclear verify", p)
			}
			if size += len(record.Body); size > settlement.PageBytes && len(page.Bodies) > 0 {
				return nil
			}
			page.Bodies = append(page.Bodies, record.Body)
			page.Versions = append(page.Versions, record.Version)
		}
		positions = positions[len(chunk):]
		mean := size/len(page.Bodies) + 1
		n = min(chunkGrowth*len(chunk), max(1, (settlement.PageBytes-size)/mean+1))
	}
	return nil
}

// bodiesAt reads of CDR records what OCPI lists show: every other column would
// cost a granule a record as well. More than one, and more than chunkBytes, is
// errChunk.
func (s *Store) bodiesAt(ctx context.Context, positions []ingest.Position) (map[ingest.Position]ingest.Record, error) {
	wanted, err := withPositions(positions)
	if err != nil {
		return nil, err
	}
	found := make(map[ingest.Position]ingest.Record, len(positions))
	ctx, enough := context.WithCancel(ctx)
	defer enough()
	size := 0
	err = s.each(ch.Context(ctx, wanted), "read bodies", `SELECT partition, epoch, offset, version, body FROM records
		WHERE topic = 'cdrs' AND (partition, epoch, offset) IN wanted SETTINGS preferred_block_size_bytes = 262144`, nil,
		func(rows driver.Rows) error {
			var r ingest.Record
			var version uint8
			if err := rows.Scan(&r.Partition, &r.Epoch, &r.Offset, &version, &r.Body); err != nil {
				return err
			}
			r.Version = ocpi.Version(version)
			found[r.Position] = r
			if size += len(r.Body); size > chunkBytes && len(positions) > 1 {
				enough() // what is left need not come
				return errChunk
			}
			return nil
		})
	return found, err
}

// senderLists selects the rows of the lists that q names. A CDR of which both
// eMSP and CPO are among them is on two: once is what leaves one. It is "" where
// there is no list.
func senderLists(q settlement.OCPIQuery) (w where, once string) {
	var lists []string
	add := func(creditor uint8, parties []ocpi.Party) {
		for _, p := range parties {
			lists = append(lists, "(?, ?, ?)")
			w.args = append(w.args, p.Country, p.ID, creditor)
		}
	}
	add(0, q.Debtors)
	add(1, q.Creditors)
	if len(lists) == 0 {
		return w, ""
	}
	w.and("NOT gone AND (country, party, creditor) IN (" + strings.Join(lists, ", ") + ")")
	window(&w, ">=", q.From)
	window(&w, "<", q.To)
	if len(q.Debtors) == 0 || len(q.Creditors) == 0 {
		return w, " "
	}
	return w, " LIMIT 1 BY partition, epoch, offset"
}

func window(w *where, than string, t time.Time) {
	if !t.IsZero() {
		w.and("last_updated "+than+" fromUnixTimestamp64Nano(?)", t.UnixNano())
	}
}
