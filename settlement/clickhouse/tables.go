package clickhouse

import (
	"fmt"
	"unsafe"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
)

// checkTopic refuses a topic whose records the store does not keep.
func checkTopic(t ingest.Topic) error {
	if spec, ok := t.Spec(); !ok || !spec.Stored() {
		return fmt.Errorf("topic %q is not kept in the store", t)
	}
	return nil
}

// Versions of rows in ReplacingMergeTree tables: the highest wins. That of all rows of a CDR
// is made of its first copy's position, the lowest, and of a rank that grows with whatever is
// changed: so a copy that is found to be an earlier one wins, and so does another copy
// that a person adopted, whose rows have a position that is not that of their version.
const (
	offsetBits = 40
	rankBits   = 16
	maxOffset  = 1<<offsetBits - 1
	ranksMask  = 1<<rankBits - 1
)

// positionNumber orders the positions of one partition: by epoch, then offset.
func positionNumber(p ingest.Position) uint64 { return uint64(p.Epoch)<<offsetBits | uint64(p.Offset) }

// positionOf is the position in a partition whose number is n.
func positionOf(partition int32, n uint64) ingest.Position {
	return ingest.Position{Epoch: uint8(n >> offsetBits), Partition: partition, Offset: int64(n & (1<<offsetBits - 1))}
}

// firstOffsetSQL and firstEpochSQL are where the first copy is of the CDR that a row is of.
var (
	firstOffsetSQL = fmt.Sprintf("toInt64(bitAnd(%d - bitShiftRight(ver, %d), %d))", uint64(1<<48-1), rankBits, uint64(maxOffset))
	firstEpochSQL  = fmt.Sprintf("toInt64(bitShiftRight(%d - bitShiftRight(ver, %d), %d))", uint64(1<<48-1), rankBits, offsetBits)
)

// adoptedSQL says that a row is of another copy than the first.
var adoptedSQL = fmt.Sprintf("bitShiftRight(ver, %d) != %d - bitOr(bitShiftLeft(toUInt64(epoch), %d), toUInt64(offset))", rankBits, uint64(1<<48-1), offsetBits)

// firstOf is the position of the first copy of the CDR that a row is of, by its version.
func firstOf(partition int32, ver uint64) ingest.Position {
	return positionOf(partition, 1<<48-1-ver>>rankBits)
}

// generationOf is how often the CDR of a row was priced again, by its version.
func generationOf(ver uint64) uint16 { return uint16(ver&ranksMask) >> 1 }

// ranked is a version of the same CDR with another rank.
func ranked(ver uint64, rank uint16) uint64 { return ver&^ranksMask | uint64(rank) }

// rowVersion is the version of a CDR's row: the lowest position wins, and of
// the rows of one position the highest rank.
func rowVersion(p ingest.Position, rank uint16) uint64 {
	return (1<<48-1-positionNumber(p))<<rankBits | uint64(rank)
}

// resultRank puts a later re-pricing before an earlier one, and within one,
// priced before rejected: a reject whose cause is gone is simply written again.
func resultRank(generation uint16, status pricing.Status) uint16 {
	rank := generation << 1
	if status != pricing.Rejected {
		rank |= 1
	}
	return rank
}

// checkPosition refuses what rowVersion cannot express.
func checkPosition(p ingest.Position) error {
	if p.Offset < 0 || p.Offset > maxOffset {
		return fmt.Errorf("offset %d of partition %d is beyond %d", p.Offset, p.Partition, int64(maxOffset))
	}
	return nil
}

// text returns b as a string that shares its memory: it is read once, by
// block.load, while the caller still owns b.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// identity is the three columns of a folded key.
type identity struct {
	country, party *proto.ColLowCardinality[string]
	id             []string
}

func newIdentity() identity { return identity{country: lowCard(), party: lowCard()} }

func (i *identity) append(k ocpi.Key) {
	i.country.Append(k.Party.Country)
	i.party.Append(k.Party.ID)
	i.id = append(i.id, k.ID)
}

func lowCard() *proto.ColLowCardinality[string] { return new(proto.ColStr).LowCardinality() }

func decimals() *proto.ColNullable[proto.Decimal128] {
	return proto.NewColNullable[proto.Decimal128](new(proto.ColDecimal128))
}

// position is the three columns of a position.
type position struct {
	partition proto.ColInt32
	epoch     proto.ColUInt8
	offset    proto.ColInt64
}

func (c *position) append(p ingest.Position) {
	c.partition.Append(p.Partition)
	c.epoch.Append(p.Epoch)
	c.offset.Append(p.Offset)
}

// recordRows are rows of table records.
type recordRows struct {
	*block
	position
	identity
	topic, object     *proto.ColLowCardinality[string]
	method, version   proto.ColUInt8
	sender            *proto.ColLowCardinality[string]
	sub, reason, body []string
	received          proto.ColDateTime64
	hash              proto.ColFixedStr
}

func newRecordRows() *recordRows {
	r := &recordRows{identity: newIdentity(), topic: lowCard(), object: lowCard(), sender: lowCard(), received: nanoseconds()}
	r.hash.SetSize(len(ingest.Hash{}))
	r.block = newBlock("records",
		values("topic", r.topic), values("partition", &r.partition), values("epoch", &r.epoch), values("offset", &r.offset),
		values("object", r.object), values("method", &r.method), values("version", &r.version), values("sender", r.sender),
		values("country", r.country), values("party", r.party), texts("id", &r.id), texts("sub", &r.sub),
		values("received", &r.received), values("hash", &r.hash), texts("reason", &r.reason), texts("body", &r.body))
	return r
}

func (r *recordRows) append(topic ingest.Topic, rec *ingest.Record) {
	r.topic.Append(topic.Short())
	r.position.append(rec.Position)
	r.identity.append(rec.Key)
	r.object.Append(rec.Object.String())
	r.method.Append(uint8(rec.Method))
	r.version.Append(uint8(rec.Version))
	r.sender.Append(rec.Sender)
	r.sub = append(r.sub, rec.Sub())
	r.reason = append(r.reason, rec.Reason)
	r.body = append(r.body, text(rec.Body))
	r.received.AppendRaw(proto.DateTime64(rec.Received))
	r.hash.Append(rec.Hash[:])
}

// duplicateRows are rows of table duplicates.
type duplicateRows struct {
	*block
	position
	identity
	ver                    proto.ColUInt64
	hash                   proto.ColFixedStr
	sender                 *proto.ColLowCardinality[string]
	received               proto.ColDateTime64
	emspCountry, emspParty *proto.ColLowCardinality[string]
	conflict               proto.ColUInt8
}

func newDuplicateRows() *duplicateRows {
	d := &duplicateRows{identity: newIdentity(), sender: lowCard(), received: nanoseconds(), emspCountry: lowCard(), emspParty: lowCard()}
	d.hash.SetSize(len(ingest.Hash{}))
	d.block = newBlock("duplicates",
		values("country", d.country), values("party", d.party), texts("id", &d.id),
		values("partition", &d.partition), values("epoch", &d.epoch), values("offset", &d.offset), values("ver", &d.ver),
		values("hash", &d.hash), values("sender", d.sender), values("received", &d.received),
		values("emsp_country", d.emspCountry), values("emsp_party", d.emspParty), values("conflict", &d.conflict))
	return d
}

// duplicate is one copy of a CDR that came more than once.
type duplicate struct {
	ingest.Record // no body
	emsp          ocpi.Party
	rank          uint16
	conflict      bool
}

func (d *duplicateRows) append(c *duplicate) {
	d.position.append(c.Position)
	d.identity.append(c.Key)
	d.ver.Append(uint64(c.rank))
	d.hash.Append(c.Hash[:])
	d.sender.Append(c.Sender)
	d.received.AppendRaw(proto.DateTime64(c.Received))
	d.emspCountry.Append(c.emsp.Country)
	d.emspParty.Append(c.emsp.ID)
	d.conflict.Append(flag(c.conflict))
}

func flag(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

// checkpointRows are rows of table checkpoints.
type checkpointRows struct {
	*block
	topic     *proto.ColLowCardinality[string]
	epoch     proto.ColUInt8
	partition proto.ColInt32
	next      proto.ColInt64
}

func newCheckpointRows() *checkpointRows {
	c := &checkpointRows{topic: lowCard()}
	c.block = newBlock("checkpoints", values("topic", c.topic), values("epoch", &c.epoch),
		values("partition", &c.partition), values("next", &c.next))
	return c
}
