package owned

import (
	"context"
	"errors"
	"fmt"
	"strings"

	driverapi "github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/roamclear/roamclear/benchmarks/process"
)

// objects is a kind of object to write into the store, n of them. In body and
// changes @ID@ stands for the id; id and position are SQL of number.
type objects struct {
	topic, kind, country, party, id, sub string
	position                             string // number of the position: epoch and offset
	updated                              string // last_updated, SQL
	changes, body                        string
	replace                              map[string]string // what else stands for what SQL
	n                                    int
}

// idOf is SQL of the id of an object by its number: they are not in order.
func idOf(prefix string) string {
	return "concat('" + prefix + "', hex(cityHash64(number, '" + prefix + "')))"
}

func (o *objects) insert(ctx context.Context, store driverapi.Conn) error {
	fill := func(template string) string {
		sql := "replaceAll('" + strings.ReplaceAll(template, "'", "''") + "', '@ID@', key)"
		for name, with := range o.replace {
			sql = "replaceAll(" + sql + ", '" + name + "', " + with + ")"
		}
		return sql
	}
	tariff := "0"
	if o.kind == "tariff" {
		tariff = "at"
	}
	query := fmt.Sprintf(`INSERT INTO objects (topic, object, country, party, id, sub, tariff_position, partition, epoch, offset, ver, version, sender,
			received, last_updated, deleted, zones, body)
		SELECT '%s', '%s', '%s', '%s', %s AS key, '%s', %s, 0, toUInt8(bitShiftRight(at, 40)), toInt64(bitAnd(at, 1099511627775)), %s AS at, 2, 'seed',
			%s, %s, 0, %s, %s
		FROM numbers(%d)`, o.topic, o.kind, o.country, o.party, o.id, o.sub, tariff, o.position, o.updated, o.updated, fill(o.changes), fill(o.body), o.n)
	if err := store.Exec(ctx, query); err != nil {
		return fmt.Errorf("write %d %ss into the store: %w", o.n, o.kind, err)
	}
	return o.list(ctx, store)
}

// list writes what OCPI lists are read of: each object is on the list of all and on
// its owner's, with where its last state stands; a Session on its owner's alone.
func (o *objects) list(ctx context.Context, store driverapi.Conn) error {
	lists := fmt.Sprintf("[(toUInt8(0), '', ''), (toUInt8(1), '%s', '%s')]", o.country, o.party)
	if o.kind == "session" {
		lists = fmt.Sprintf("[(toUInt8(2), '%s', '%s')]", o.country, o.party)
	}
	query := fmt.Sprintf(`INSERT INTO object_lists (object, list, list_country, list_party, created, partition, epoch, offset, country, party, id, sub, last_updated, ver, gone)
		SELECT '%s', l.1, l.2, l.3, made, 0, first_epoch, first_offset, country, party, id, sub, updated, last, 0
		FROM (SELECT country, party, id, sub, min(received) AS made, argMin(epoch, ver) AS first_epoch, argMin(offset, ver) AS first_offset,
			argMax(last_updated, ver) AS updated, max(ver) AS last FROM objects WHERE object = '%s' AND sender = 'seed' GROUP BY country, party, id, sub)
		ARRAY JOIN %s AS l`, o.kind, o.kind, lists)
	if err := store.Exec(ctx, query); err != nil {
		return fmt.Errorf("list %d %ss: %w", o.n, o.kind, err)
	}
	return nil
}

const (
	firstPosition = "toUInt64(1099511627776)" // epoch 1, offset 0
	aYearAgo      = "toDateTime64('2025-01-01 00:00:00', 9, 'UTC')"
)

func tokens(n int) objects {
	return objects{topic: "reference", kind: "token", country: "NL", party: "EXW", id: idOf("T"), sub: "RFID", position: firstPosition, updated: aYearAgo, n: n,
		changes: `[{"next":1,"received":1735689600000000000,"updated":1735689600000000000,"contract":"NL-EXW-C@ID@"}]`, body: tokenBody}
}

func locations(n int) objects {
	return objects{topic: "reference", kind: "location", country: "GB", party: "DUN", id: idOf("L"), position: firstPosition, updated: aYearAgo, n: n,
		changes: `[{"next":1,"received":1735689600000000000,"updated":1735689600000000000,"zone":"Europe/London"}]`, body: locationBody()}
}

func tariffs(n int) objects {
	// Lists know an object by where it was first stored, and a start knows Tariffs by their lists.
	return objects{topic: "reference", kind: "tariff", country: "GB", party: "DUN", id: idOf("P"), position: firstPosition + " + number", updated: aYearAgo, n: n, changes: `null`,
		body: strings.ReplaceAll(tariffBody, "@PRICE@", "0.45")}
}

func sessions(n int) objects {
	return objects{topic: "sessions", kind: "session", country: "GB", party: "DUN", id: idOf("S"), position: firstPosition, updated: aYearAgo, n: n, changes: `null`, body: sessionBody}
}

// seed writes objects into the store of the running service.
func (s *stand) seed(ctx context.Context, all ...objects) error { return fill(ctx, s.service, all...) }

// Fill writes Tokens of NL*EXW and Tariffs of GB*DUN into the store of a running service,
// which knows them after its next start.
func Fill(ctx context.Context, service *process.Roamclear, ofTokens, ofTariffs int) error {
	return fill(ctx, service, tokens(ofTokens), tariffs(ofTariffs))
}

func fill(ctx context.Context, service *process.Roamclear, all ...objects) (err error) {
	store, err := service.Store()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	for i := range all {
		if all[i].n == 0 {
			continue
		}
		if err := all[i].insert(ctx, store); err != nil {
			return err
		}
	}
	return nil
}
