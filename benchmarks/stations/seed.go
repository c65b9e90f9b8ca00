package stations

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	driverapi "github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// connect opens the store of a running service.
func connect(data string) (driverapi.Conn, error) {
	text, err := os.ReadFile(filepath.Join(data, "service.json"))
	if err != nil {
		return nil, fmt.Errorf("find the store: %w", err)
	}
	var s struct {
		ClickHouse struct {
			Addr                     []string
			Database, User, Password string
		} `json:"clickhouse"`
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("find the store: %w", err)
	}
	c := s.ClickHouse
	return ch.Open(&ch.Options{Addr: c.Addr, Auth: ch.Auth{Database: c.Database, Username: c.User, Password: c.Password}, Settings: ch.Settings{"async_insert": 0}})
}

// insertAtOnce is how many Locations are one part of the store.
const insertAtOnce = 50_000

// seed writes Locations into the store of the running service.
func seed(ctx context.Context, data string, all []location) (err error) {
	store, err := connect(data)
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
