package baseline

import (
	"context"
	_ "embed"
	"fmt"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

//go:embed schema.sql
var schema string

// CreateTables makes the baseline's tables in the database of conn.
func CreateTables(ctx context.Context, conn driver.Conn) error {
	for statement := range strings.SplitSeq(schema, ";\n") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("create the baseline's tables: %w", err)
		}
	}
	return nil
}
