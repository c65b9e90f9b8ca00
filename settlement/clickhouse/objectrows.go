package clickhouse

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// objectRows are rows of table objects.
type objectRows struct {
	*block
	position
	identity
	topic, object         *proto.ColLowCardinality[string]
	version, deleted      proto.ColUInt8
	tariffPosition, ver   proto.ColUInt64
	sender                *proto.ColLowCardinality[string]
	received, lastUpdated proto.ColDateTime64
	sub, zones, body      []string

	createdEpoch           proto.ColUInt8
	createdOffset          proto.ColInt64
	createdReceived, named proto.ColDateTime64
	withCountry, withParty *proto.ColLowCardinality[string]
	left, contract         []string
	contracts              *proto.ColArr[string]
}

func newObjectRows() *objectRows {
	o := &objectRows{identity: newIdentity(), topic: lowCard(), object: lowCard(), sender: lowCard(), received: nanoseconds(), lastUpdated: nanoseconds(),
		createdReceived: nanoseconds(), named: nanoseconds(), withCountry: lowCard(), withParty: lowCard(), contracts: new(proto.ColStr).Array()}
	o.block = newBlock("objects",
		values("topic", o.topic), values("object", o.object), values("country", o.country), values("party", o.party),
		texts("id", &o.id), texts("sub", &o.sub), values("tariff_position", &o.tariffPosition),
		values("partition", &o.partition), values("epoch", &o.epoch), values("offset", &o.offset), values("ver", &o.ver),
		values("version", &o.version), values("sender", o.sender), values("received", &o.received),
		values("last_updated", &o.lastUpdated), values("deleted", &o.deleted), texts("zones", &o.zones), texts("body", &o.body),
		values("created_epoch", &o.createdEpoch), values("created_offset", &o.createdOffset), values("created_received", &o.createdReceived),
		values("with_country", o.withCountry), values("with_party", o.withParty), texts("left", &o.left), texts("contract", &o.contract), values("contracts", o.contracts), values("named", &o.named))
	return o
}

func (o *objectRows) append(topic ingest.Topic, s *ingest.ObjectState) error {
	changes, err := json.Marshal(s.Changes)
	if err != nil {
		return fmt.Errorf("encode changes of %s: %w", s.Key, err)
	}
	left := []byte(nil) // of nearly all
	if len(s.Left) > 0 {
		if left, err = json.Marshal(s.Left); err != nil {
			return fmt.Errorf("encode parties that %s has left: %w", s.Key, err)
		}
	}
	o.topic.Append(topic.Short())
	o.position.append(s.Position)
	o.identity.append(s.Key)
	o.object.Append(s.Object.String())
	o.version.Append(uint8(s.Version))
	o.deleted.Append(flag(s.Deleted))
	o.ver.Append(positionNumber(s.Position))
	o.tariffPosition.Append(tariffPosition(s))
	o.sender.Append(s.Sender)
	o.received.AppendRaw(proto.DateTime64(s.Received))
	o.lastUpdated.AppendRaw(proto.DateTime64(s.LastUpdated))
	o.sub = append(o.sub, s.Variant)
	o.zones = append(o.zones, text(changes))
	o.body = append(o.body, text(s.Body))
	o.createdEpoch.Append(s.Created.Epoch)
	o.createdOffset.Append(s.Created.Offset)
	o.createdReceived.AppendRaw(proto.DateTime64(s.Created.Received))
	o.withCountry.Append(s.With.Country)
	o.withParty.Append(s.With.ID)
	o.left = append(o.left, text(left))
	o.contract = append(o.contract, s.Contract)
	o.contracts.Append(contractsOf(s))
	o.named.AppendRaw(proto.DateTime64(s.Named))
	return nil
}

// contractsOf are the contract ids that a Token has or had, as they are compared.
func contractsOf(s *ingest.ObjectState) (contracts []string) {
	if s.Object != ingest.ObjectToken {
		return nil
	}
	for i := range s.Changes {
		if c := ocpi.FoldContractID(s.Changes[i].Contract); c != "" && !slices.Contains(contracts, c) {
			contracts = append(contracts, c)
		}
	}
	return contracts
}

// tariffPosition keeps every version of a Tariff apart: a CDR is priced with
// the one that was valid for it, not with the newest.
func tariffPosition(s *ingest.ObjectState) uint64 {
	if s.Object != ingest.ObjectTariff {
		return 0
	}
	return positionNumber(s.Position)
}

// listRows are rows of table object_lists.
type listRows struct {
	*block
	position // of the record that made the object
	identity
	object                 *proto.ColLowCardinality[string]
	list, gone             proto.ColUInt8
	listCountry, listParty *proto.ColLowCardinality[string]
	created, lastUpdated   proto.ColDateTime64
	received               proto.ColDateTime64 // of Sessions
	sub                    []string
	ver                    proto.ColUInt64
}

func newListRows() *listRows {
	l := &listRows{identity: newIdentity(), object: lowCard(), listCountry: lowCard(), listParty: lowCard(), created: nanoseconds(), lastUpdated: nanoseconds(), received: nanoseconds()}
	l.block = newBlock("object_lists",
		values("object", l.object), values("list", &l.list), values("list_country", l.listCountry), values("list_party", l.listParty),
		values("created", &l.created), values("partition", &l.partition), values("epoch", &l.epoch), values("offset", &l.offset),
		values("country", l.country), values("party", l.party), texts("id", &l.id), texts("sub", &l.sub),
		values("last_updated", &l.lastUpdated), values("received", &l.received), values("ver", &l.ver), values("gone", &l.gone))
	return l
}

// append adds the rows of a state: of the lists that it is on, and of those it
// has left.
func (l *listRows) append(s *ingest.ObjectState) {
	settlement.ListsOf(s, func(list settlement.ObjectList, gone bool) {
		at := s.Position
		at.Epoch, at.Offset = s.Created.Epoch, s.Created.Offset
		l.position.append(at)
		l.identity.append(s.Key)
		l.sub = append(l.sub, s.Variant)
		l.object.Append(s.Object.String())
		l.list.Append(uint8(list.Kind))
		l.listCountry.Append(list.Party.Country)
		l.listParty.Append(list.Party.ID)
		l.created.AppendRaw(proto.DateTime64(s.Created.Received))
		l.lastUpdated.AppendRaw(proto.DateTime64(settlement.ListedAt(s, list)))
		received := ocpi.Time(0)
		if s.Object == ingest.ObjectSession {
			received = settlement.ReceivedAt(s, list)
		}
		l.received.AppendRaw(proto.DateTime64(received))
		l.ver.Append(positionNumber(s.Position))
		l.gone.Append(flag(gone))
	})
}
