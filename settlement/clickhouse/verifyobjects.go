package clickhouse

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/ClickHouse/ch-go/proto"
	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// storedObject is a StoredObject as it is read.
type storedObject struct {
	settlement.StoredObject
	object, left string
}

// storedObjectListing is a StoredObjectListing as it is read.
type storedObjectListing struct {
	settlement.StoredObjectListing
	object string
	ver    uint64
}

var storedObjectColumns = columns[storedObject]{
	label("object", func(o *storedObject) *string { return &o.object }),
	label("country", func(o *storedObject) *string { return &o.Identity.Key.Party.Country }),
	label("party", func(o *storedObject) *string { return &o.Identity.Key.Party.ID }),
	prose("id", func(o *storedObject) *string { return &o.Identity.Key.ID }),
	prose("sub", func(o *storedObject) *string { return &o.Identity.Variant }),
	whole[proto.ColInt32]("partition", func(o *storedObject) *int32 { return &o.Position.Partition }, (*rowReader).i32),
	whole[proto.ColUInt8]("epoch", func(o *storedObject) *uint8 { return &o.Position.Epoch }, (*rowReader).u8),
	whole[proto.ColInt64]("offset", func(o *storedObject) *int64 { return &o.Position.Offset }, (*rowReader).i64),
	whole[proto.ColUInt8]("created_epoch", func(o *storedObject) *uint8 { return &o.Created.Epoch }, (*rowReader).u8),
	whole[proto.ColInt64]("created_offset", func(o *storedObject) *int64 { return &o.Created.Offset }, (*rowReader).i64),
	moment("created_received", func(o *storedObject) *ocpi.Time { return &o.Created.Received }),
	label("with_country", func(o *storedObject) *string { return &o.With.Country }),
	label("with_party", func(o *storedObject) *string { return &o.With.ID }),
	prose("left", func(o *storedObject) *string { return &o.left }),
	moment("named", func(o *storedObject) *ocpi.Time { return &o.Named }),
	moment("received", func(o *storedObject) *ocpi.Time { return &o.Received }),
	moment("last_updated", func(o *storedObject) *ocpi.Time { return &o.LastUpdated }),
	yes("deleted", func(o *storedObject) *bool { return &o.Deleted }),
}

var storedObjectListingColumns = columns[storedObjectListing]{
	label("object", func(l *storedObjectListing) *string { return &l.object }),
	whole[proto.ColUInt8]("list", func(l *storedObjectListing) *uint8 { return (*uint8)(&l.List.Kind) }, (*rowReader).u8),
	label("list_country", func(l *storedObjectListing) *string { return &l.List.Party.Country }),
	label("list_party", func(l *storedObjectListing) *string { return &l.List.Party.ID }),
	label("country", func(l *storedObjectListing) *string { return &l.Identity.Key.Party.Country }),
	label("party", func(l *storedObjectListing) *string { return &l.Identity.Key.Party.ID }),
	prose("id", func(l *storedObjectListing) *string { return &l.Identity.Key.ID }),
	label("sub", func(l *storedObjectListing) *string { return &l.Identity.Variant }),
	whole[proto.ColInt32]("partition", func(l *storedObjectListing) *int32 { return &l.Position.Partition }, (*rowReader).i32),
	whole[proto.ColUInt8]("epoch", func(l *storedObjectListing) *uint8 { return &l.Created.Epoch }, (*rowReader).u8),
	whole[proto.ColInt64]("offset", func(l *storedObjectListing) *int64 { return &l.Created.Offset }, (*rowReader).i64),
	moment("created", func(l *storedObjectListing) *ocpi.Time { return &l.Created.Received }),
	moment("last_updated", func(l *storedObjectListing) *ocpi.Time { return &l.LastUpdated }),
	moment("received", func(l *storedObjectListing) *ocpi.Time { return &l.Received }),
	whole[proto.ColUInt64]("ver", func(l *storedObjectListing) *uint64 { return &l.ver }, (*rowReader).u64),
	yes("gone", func(l *storedObjectListing) *bool { return &l.Gone }),
}

// madeBy restricts to rows of a partition of the log whose objects were made by
// records before an offset, in the order of those.
const madeBy = " WHERE object IN (?) AND partition = ? AND %[1]sepoch = ? AND %[1]soffset < ?%[2]s ORDER BY %[1]soffset"

// kindsOf returns the names of the kinds of objects that come by a topic.
func kindsOf(topic ingest.Topic) (names []string) {
	for o := ingest.ObjectCDR; o.Known(); o++ {
		if o.Topic() == topic {
			names = append(names, o.String())
		}
	}
	return names
}

func (s *Store) madeBefore(ctx context.Context, columns, table, prefix, condition string, p ingest.Partition, next int64, fn func(driver.Rows) error) error {
	ctx = ch.Context(ctx, ch.WithSettings(ch.Settings{"max_bytes_before_external_sort": sortMemory}))
	return s.each(ctx, fmt.Sprintf("read %s of %s", table, p), "SELECT "+columns+" FROM "+table+" FINAL"+fmt.Sprintf(madeBy, prefix, condition),
		[]any{kindsOf(p.Topic), p.Number, p.Epoch, next}, fn)
}

// ObjectsRange calls fn for every object that a record of the partition before
// next made, as it stands now: of a Tariff for its last version.
func (s *Store) ObjectsRange(ctx context.Context, p ingest.Partition, next int64, fn func(settlement.StoredObject) error) error {
	const last = ` AND (object != 'tariff' OR (object, country, party, id, sub, tariff_position) IN (
		SELECT object, country, party, id, sub, max(tariff_position) FROM objects WHERE object = 'tariff' GROUP BY object, country, party, id, sub))`
	return s.madeBefore(ctx, storedObjectColumns.row(), "objects", "created_", last, p, next, func(rows driver.Rows) error {
		var o storedObject
		if err := storedObjectColumns.scan(rows, &o); err != nil {
			return err
		}
		o.Identity.Object = ingest.ObjectOf(o.object)
		if o.left != "" {
			if err := json.Unmarshal([]byte(o.left), &o.Left); err != nil {
				return fmt.Errorf("parties that %s has left: %w", o.Identity, err)
			}
		}
		return fn(o.StoredObject)
	})
}

// ObjectListingsRange calls fn for every row of the lists of these objects, also
// for those that were taken off.
func (s *Store) ObjectListingsRange(ctx context.Context, p ingest.Partition, next int64, fn func(settlement.StoredObjectListing) error) error {
	return s.madeBefore(ctx, storedObjectListingColumns.row(), "object_lists", "", "", p, next, func(rows driver.Rows) error {
		var l storedObjectListing
		if err := storedObjectListingColumns.scan(rows, &l); err != nil {
			return err
		}
		l.Identity.Object, l.Position = ingest.ObjectOf(l.object), positionOf(l.Position.Partition, l.ver)
		return fn(l.StoredObjectListing)
	})
}

// identityColumns are those that say which object a row is of. Records of Locations,
// invoices and Sessions have something else in sub, see ingest.Envelope.Sub.
const identityColumns = "object, country, party, id"

// variantOf is the variant of a record's object, see ingest.Envelope.Sub.
const variantOf = "if(object IN ('location', 'invoice', 'session', 'command'), '', sub)"

// ChangesBefore calls fn for every record of the partition before next that is about an
// object, in the order of the objects. The engine sorts beyond sortMemory on disk.
func (s *Store) ChangesBefore(ctx context.Context, p ingest.Partition, next int64, fn func(settlement.StoredChange) error) error {
	ctx = ch.Context(ctx, ch.WithSettings(ch.Settings{"max_bytes_before_external_sort": sortMemory}))
	return s.each(ctx, fmt.Sprintf("read what changed in %s", p), "SELECT "+identityColumns+", "+variantOf+` AS variant, offset, method, if(variant = '', sub, '') AS path FROM records
		WHERE topic = ? AND partition = ? AND epoch = ? AND offset < ?
		ORDER BY `+identityColumns+", variant, offset", []any{p.Topic.Short(), p.Number, p.Epoch, next},
		func(rows driver.Rows) (err error) {
			var c settlement.StoredChange
			var method uint8
			c.Identity, err = scanIdentity(rows, &c.Offset, &method, &c.Path)
			if err != nil {
				return err
			}
			c.Method = ingest.Method(method)
			return fn(c)
		})
}

// KeptObjects calls fn for every state of objects that records of the partition made, in
// order. The bodies of Sessions are read in the order of the table.
func (s *Store) KeptObjects(ctx context.Context, p ingest.Partition, fn func(settlement.KeptObject) error) error {
	body := "''"
	if p.Topic == ingest.TopicSessions {
		body = "if(object = 'session', body, '')"
	}
	ctx = ch.Context(ctx, ch.WithSettings(ch.Settings{"max_bytes_before_external_sort": sortMemory}))
	return s.each(ctx, fmt.Sprintf("read which objects there are of %s", p), "SELECT "+identityColumns+`, sub, partition, epoch, offset, version, `+body+`, with_country, with_party, contract FROM objects
		WHERE object IN (?) AND partition = ? AND created_epoch = ? ORDER BY `+identityColumns+", sub, tariff_position, ver",
		[]any{kindsOf(p.Topic), p.Number, p.Epoch},
		func(rows driver.Rows) (err error) {
			var k settlement.KeptObject
			var version uint8
			k.Identity, err = scanIdentity(rows, &k.Position.Partition, &k.Position.Epoch, &k.Position.Offset, &version, &k.Body, &k.With.Country, &k.With.ID, &k.Contract)
			if err != nil {
				return err
			}
			k.Version = ocpi.Version(version)
			return fn(k)
		})
}

// StatesAt returns states by the records that made them.
func (s *Store) StatesAt(ctx context.Context, p ingest.Partition, wanted []settlement.StateAt) (map[settlement.StateAt]ingest.ObjectState, error) {
	found := make(map[settlement.StateAt]ingest.ObjectState, len(wanted))
	if len(wanted) == 0 {
		return found, nil
	}
	keys, offsets := make([]ocpi.Key, len(wanted)), make([]int64, len(wanted))
	for i := range wanted {
		keys[i], offsets[i] = wanted[i].Identity.Key, wanted[i].Offset
	}
	table, err := withKeys(keys)
	if err != nil {
		return nil, err
	}
	err = s.each(ch.Context(ctx, table), "read states of objects", "SELECT "+objectColumns+` FROM objects
		WHERE object IN (?) AND (country, party, id) IN wanted AND partition = ? AND epoch = ? AND offset IN (?)`,
		[]any{kindsOf(p.Topic), p.Number, p.Epoch, offsets},
		func(rows driver.Rows) error {
			o, err := scanObject(rows)
			found[settlement.StateAt{Identity: o.Identity(), Offset: o.Position.Offset}] = o
			return err
		})
	return found, err
}

// RecordsAt calls fn for some records of a partition, in the order of their offsets.
func (s *Store) RecordsAt(ctx context.Context, p ingest.Partition, offsets []int64, fn func(ingest.Record) error) error {
	if len(offsets) == 0 {
		return nil
	}
	return s.each(ctx, "read some records of "+p.String(), "SELECT "+recordColumns+` FROM records
		WHERE topic = ? AND partition = ? AND epoch = ? AND offset IN (?) ORDER BY offset LIMIT 1 BY offset`,
		[]any{p.Topic.Short(), p.Number, p.Epoch, offsets},
		func(rows driver.Rows) error {
			r, err := scanRecord(rows)
			if err != nil {
				return err
			}
			return fn(r)
		})
}

// scanIdentity reads identityColumns and the variant, and what follows them.
func scanIdentity(rows driver.Rows, more ...any) (id ingest.Identity, err error) {
	var object string
	err = rows.Scan(append([]any{&object, &id.Key.Party.Country, &id.Key.Party.ID, &id.Key.ID, &id.Variant}, more...)...)
	id.Object = ingest.ObjectOf(object)
	return id, err
}
