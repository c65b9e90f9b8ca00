package clickhouse

import (
	"context"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// Held calls fn for every object of a kind that an owner has and that was made before
// an instant, deleted ones not included: those that everybody may see, or those that
// are for one recipient alone. It reads narrow columns, in the order of the owner's
// list.
func (s *Store) Held(ctx context.Context, kind ingest.Object, owner, recipient ocpi.Party, before time.Time, fn func(ingest.Identity) error) error {
	list := settlement.ListOpen
	var w where
	if !recipient.IsZero() {
		list = settlement.ListOwn
		w.and("sub = ?", recipient.String())
	}
	w.and("NOT gone AND object = ? AND list = ? AND list_country = ? AND list_party = ?", kind.String(), uint8(list), owner.Country, owner.ID)
	w.and("created < fromUnixTimestamp64Nano(?)", before.UnixNano())
	return s.each(ctx, "list which "+kind.String()+"s of "+owner.String()+" there are", "SELECT id, sub FROM object_lists FINAL"+w.String(), w.args,
		func(rows driver.Rows) error {
			id := ingest.Identity{Object: kind, Key: ocpi.Key{Party: owner}}
			if err := rows.Scan(&id.Key.ID, &id.Variant); err != nil {
				return err
			}
			return fn(id)
		})
}
