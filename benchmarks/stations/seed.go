package stations

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/roamclear/roamclear/benchmarks/process"
)

// insertAtOnce is how many Locations are one part of the store.
const insertAtOnce = 50_000

// seed writes Locations into the store of the running service.
func seed(ctx context.Context, service *process.Roamclear, all []location) (err error) {
	store, err := service.Store()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	at := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	for from := 0; from < len(all); from += insertAtOnce {
		batch, err := store.PrepareBatch(ctx, `INSERT INTO objects (topic, object, country, party, id, sub, tariff_position, partition, epoch, offset, ver, version, sender,
			received, last_updated, deleted, zones, body)`)
		if err != nil {
			return fmt.Errorf("write locations into the store: %w", err)
		}
		for i := from; i < min(len(all), from+insertAtOnce); i++ {
			l := &all[i]
			changes := fmt.Sprintf(`[{"next":1,"received":%d,"updated":%d,"zone":%q}]`, at.UnixNano(), at.UnixNano(), l.of.Zone)
			err := batch.Append("reference", "location", "GB", "DUN", l.id, "", uint64(0), int32(0), uint8(1), int64(0), uint64(1)<<40, uint8(2), "seed", at, at, uint8(0), changes, l.body())
			if err != nil {
				return fmt.Errorf("write location %s into the store: %w", l.id, err)
			}
		}
		if err := batch.Send(); err != nil {
			return fmt.Errorf("write locations into the store: %w", err)
		}
	}
	return nil
}
