package clickhouse

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

var _ settlement.RadarStore = (*Store)(nil)

// stepCursor names the last step of a page.
type stepCursor struct {
	Since    int64  `json:"s"`
	ID       []byte `json:"i"`
	Sub      string `json:"v,omitempty"`
	Position uint64 `json:"p"`
}

// TariffSteps implements [settlement.RadarStore]. The rows of a CPO's Tariffs stand together,
// one a version, of which narrow columns are read; what is before and behind those of the
// page is looked up among the versions of the same Tariffs.
func (s *Store) TariffSteps(ctx context.Context, q settlement.RadarQuery) (page []settlement.TariffStep, next string, err error) {
	cursor, err := decodeCursor[stepCursor](q.After)
	if err != nil {
		return nil, "", err
	}
	var w where
	w.and("object = 'tariff' AND country = ? AND party = ?", q.CPO.Country, q.CPO.ID)
	from, to := q.From.UnixNano(), q.Next().UnixNano()
	w.and("instant >= ? AND instant < ? OR received >= fromUnixTimestamp64Nano(?) AND received < fromUnixTimestamp64Nano(?)", from, to, from, to)
	if ids, all := q.Tariffs(); !all {
		w.and("id IN (?)", ids)
	}
	if !q.Recipient.IsZero() {
		w.and("sub = ?", q.Recipient.String())
	}
	if q.After != "" {
		w.and("(instant, id, sub, tariff_position) > (?, ?, ?, ?)", cursor.Since, string(cursor.ID), cursor.Sub, cursor.Position)
	}
	limit := min(max(q.Limit, 1), settlement.MaxTariffSteps)
	var numbers []uint64
	err = s.each(ctx, "list versions of tariffs", "SELECT DISTINCT "+since+" AS instant, id, sub, tariff_position, partition, received, last_updated, sender, deleted FROM objects"+w.String()+
		fmt.Sprintf(" ORDER BY instant, id, sub, tariff_position LIMIT %d", limit+1), w.args,
		func(rows driver.Rows) error {
			t := settlement.TariffStep{Tariff: ingest.Identity{Object: ingest.ObjectTariff}}
			t.Tariff.Key.Party = q.CPO
			var instant int64
			var number uint64
			var partition int32
			var received, updated time.Time
			var deleted uint8
			if err := rows.Scan(&instant, &t.Tariff.Key.ID, &t.Tariff.Variant, &number, &partition, &received, &updated, &t.Sender, &deleted); err != nil {
				return err
			}
			t.Since, t.Received, t.LastUpdated, t.Withdrawn = ocpi.Time(instant), ocpi.TimeOf(received), ocpi.TimeOf(updated), deleted != 0
			t.Position = positionOf(partition, number)
			page, numbers = append(page, t), append(numbers, number)
			return nil
		})
	if err != nil {
		return nil, "", err
	}
	if len(page) > limit {
		page, numbers = page[:limit], numbers[:limit]
		last := &page[limit-1]
		if next, err = encodeCursor(stepCursor{int64(last.Since), []byte(last.Tariff.Key.ID), last.Tariff.Variant, numbers[limit-1]}); err != nil {
			return nil, "", err
		}
	}
	return page, next, s.neighbours(ctx, q.CPO, page, numbers)
}

// neighbours finds what is before and behind some steps.
func (s *Store) neighbours(ctx context.Context, cpo ocpi.Party, page []settlement.TariffStep, numbers []uint64) error {
	if len(page) == 0 {
		return nil
	}
	table, err := ext.NewTable("steps", ext.Column("n", "UInt32"), ext.Column("id", "String"), ext.Column("sub", "String"), ext.Column("here", "UInt64"))
	if err != nil {
		return fmt.Errorf("make table of steps: %w", err)
	}
	for i := range page {
		page[i].FirstOne = true
		if err := table.Append(uint32(i), page[i].Tariff.Key.ID, page[i].Tariff.Variant, numbers[i]); err != nil {
			return fmt.Errorf("make table of steps: %w", err)
		}
	}
	return s.each(ch.Context(ctx, ch.WithExternalTable(table)), "find neighbours of versions of tariffs", `SELECT n,
			countIf(there < here) > 0, maxIf(there, there < here), argMaxIf(updated, there, there < here), argMaxIf(gone, there, there < here),
			countIf(there > here) > 0, argMinIf(instant, there, there > here)
		FROM (SELECT id, sub, tariff_position AS there, toUnixTimestamp64Nano(last_updated) AS updated, deleted AS gone, `+since+` AS instant FROM objects
			WHERE object = 'tariff' AND country = ? AND party = ? AND id IN (SELECT id FROM steps)) AS versions
		INNER JOIN steps USING (id, sub) GROUP BY n`, []any{cpo.Country, cpo.ID},
		func(rows driver.Rows) error {
			var n uint32
			var before, after, gone uint8
			var at uint64
			var updated, until int64
			if err := rows.Scan(&n, &before, &at, &updated, &gone, &after, &until); err != nil {
				return err
			}
			t := &page[n]
			if before != 0 {
				t.FirstOne, t.Before, t.BeforeGone, t.BeforeUpdated = false, positionOf(t.Position.Partition, at), gone != 0, ocpi.Time(updated)
			}
			if after != 0 {
				t.Until = ocpi.Time(until)
			}
			return nil
		})
}

// ChargedBy implements [settlement.RadarStore]. Which tariffs priced a CDR is a narrow column
// of results, read from the month on in which the first of these charges may have begun.
func (s *Store) ChargedBy(ctx context.Context, cpo ocpi.Party, of []settlement.ChargedBy, most int) (counts []uint64, some []settlement.ChargedCDR, err error) {
	counts = make([]uint64, len(of))
	table, err := ext.NewTable("asked", ext.Column("n", "UInt32"), ext.Column("hash", "String"), ext.Column("debtor_country", "String"), ext.Column("debtor_party", "String"),
		ext.Column("begins", "Int64"), ext.Column("ends", "Int64"))
	if err != nil {
		return nil, nil, fmt.Errorf("make table of tariffs: %w", err)
	}
	first := ocpi.Time(math.MaxInt64)
	for i := range of {
		until := int64(of[i].Until)
		if !of[i].Until.IsSet() {
			until = math.MaxInt64
		}
		first = min(first, of[i].From)
		for _, hash := range of[i].Hashes {
			if err := table.Append(uint32(i), hash, of[i].Debtor.Country, of[i].Debtor.ID, int64(of[i].From), until); err != nil {
				return nil, nil, fmt.Errorf("make table of tariffs: %w", err)
			}
		}
	}
	var w where
	w.and("status = 'priced' AND country = ? AND party = ?", cpo.Country, cpo.ID)
	w.months(first.Month(), 0)
	w.and("start >= fromUnixTimestamp64Nano(?)", int64(first))
	w.and("hasAny(splitByChar(',', tariff_hash), (SELECT groupArray(hash) FROM asked))")
	w = w.counting()
	from := ` FROM (SELECT id, partition, epoch, offset, profile, reference_offset, control_offset, issuers, emsp_country, emsp_party, toUnixTimestamp64Nano(start) AS began,
			arrayJoin(arrayDistinct(splitByChar(',', tariff_hash))) AS hash FROM results FINAL` + w.String() + `) AS charged
		INNER JOIN asked USING (hash)
		WHERE began >= begins AND began < ends AND (debtor_country = '' OR debtor_country = emsp_country AND debtor_party = emsp_party)`
	ctx = ch.Context(ctx, ch.WithExternalTable(table))
	total := uint64(0)
	err = s.each(ctx, "count CDRs by tariff", "SELECT n, count()"+from+" GROUP BY n", w.args, func(rows driver.Rows) error {
		var n uint32
		var count uint64
		err := rows.Scan(&n, &count)
		counts[n] = count
		total += count
		return err
	})
	if err != nil || total == 0 {
		return counts, nil, err
	}
	err = s.each(onDisk(ctx), "read CDRs by tariff", "SELECT n, hash, id, partition, epoch, offset, profile, reference_offset, control_offset, issuers"+from+
		fmt.Sprintf(" ORDER BY n, cityHash64(id), id, hash LIMIT %d BY n", most), w.args,
		func(rows driver.Rows) error {
			c := settlement.ChargedCDR{Key: ocpi.Key{Party: cpo}}
			var n uint32
			err := rows.Scan(&n, &c.Hash, &c.Key.ID, &c.At.Partition, &c.At.Epoch, &c.At.Offset, &c.Profile, &c.AsOf.Reference, &c.AsOf.Control, &c.AsOf.Issuers)
			c.Of = int(n)
			some = append(some, c)
			return err
		})
	return counts, some, err
}

// CarriedTariffs implements [settlement.RadarStore].
func (s *Store) CarriedTariffs(ctx context.Context, q settlement.RadarQuery, most int) (list []settlement.CarriedTariff, err error) {
	var w where
	w.and("status = 'priced' AND tariff_source = 'cdr' AND country = ? AND party = ?", q.CPO.Country, q.CPO.ID)
	w.months(ocpi.TimeOf(q.From).Month(), 0)
	w.and("start >= fromUnixTimestamp64Nano(?)", q.From.UnixNano())
	if ids, all := q.Tariffs(); !all {
		w.and("hasAny(splitByChar(',', upper(tariff_ids)), ?)", ids)
	}
	w = w.counting()
	err = s.each(ctx, "count tariffs that CDRs carry", `SELECT tariff_ids, tariff_hash, n, first, of.1, of.2, of.3, of.4, of.5, of.6, toString(of.7), toString(of.8), toString(of.9)
		FROM (SELECT tariff_ids, tariff_hash, count() AS n, min(toUnixTimestamp64Nano(start)) AS first,
				argMin((id, partition, epoch, offset, reference_offset, control_offset, issuers, emsp_country, emsp_party), (start, id)) AS of
			FROM results FINAL`+w.String()+" GROUP BY tariff_ids, tariff_hash) ORDER BY n DESC, tariff_hash "+
		fmt.Sprintf("LIMIT %d SETTINGS max_bytes_before_external_group_by = %d", most, sortMemory), w.args,
		func(rows driver.Rows) error {
			c := settlement.CarriedTariff{Key: ocpi.Key{Party: q.CPO}}
			var ids, hashes string
			var first int64
			err := rows.Scan(&ids, &hashes, &c.Count, &first, &c.Key.ID, &c.At.Partition, &c.At.Epoch, &c.At.Offset, &c.AsOf.Reference, &c.AsOf.Control, &c.AsOf.Issuers, &c.Debtor.Country, &c.Debtor.ID)
			c.IDs, c.Hashes, c.First = strings.Split(ids, ","), strings.Split(hashes, ","), ocpi.Time(first)
			list = append(list, c)
			return err
		})
	return list, err
}

// maxNeedles bounds how many texts are looked for in a body at once.
const maxNeedles = 255

// LocationsOf implements [settlement.RadarStore].
func (s *Store) LocationsOf(ctx context.Context, cpo ocpi.Party, tariffs []string, fn func(*ingest.ObjectState) error) error {
	var w where
	w.and("object = 'location' AND country = ? AND party = ? AND deleted = 0", cpo.Country, cpo.ID)
	if len(tariffs) > 0 && plainTexts(tariffs) {
		w.and(`multiSearchAnyCaseInsensitive(body, ?) OR position(body, '\\u') > 0`, tariffs)
	}
	return s.each(ctx, "read Locations of "+cpo.String(), "SELECT "+objectColumns+" FROM objects FINAL"+w.String()+" ORDER BY id", w.args, func(rows driver.Rows) error {
		o, err := scanObject(rows)
		if err != nil {
			return err
		}
		return fn(&o)
	})
}

// plainTexts says whether JSON has texts only as they are, or escaped as code points.
func plainTexts(texts []string) bool {
	for _, t := range texts {
		if t == "" || strings.ContainsAny(t, `/\"`) || strings.ContainsFunc(t, func(r rune) bool { return r < ' ' || r > '~' }) {
			return false
		}
	}
	return len(texts) <= maxNeedles
}
