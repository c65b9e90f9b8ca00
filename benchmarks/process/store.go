package process

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Store opens the store of the running service, for what is to be in it without being
// pushed.
func (r *Roamclear) Store() (driver.Conn, error) {
	text, err := os.ReadFile(filepath.Join(r.Data, "service.json"))
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
	return ch.Open(&ch.Options{Addr: c.Addr, Auth: ch.Auth{Database: c.Database, Username: c.User, Password: c.Password},
		Settings: ch.Settings{"max_execution_time": 600, "async_insert": 0, "max_partitions_per_insert_block": 0,
			"do_not_merge_across_partitions_select_final": 1}}) // CDRs of two partitions may have the same place in both
}
