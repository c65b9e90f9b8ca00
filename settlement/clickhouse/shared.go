package clickhouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	ch "github.com/ClickHouse/clickhouse-go/v2"
)

// checkShared refuses several addresses unless what stands behind them shares
// its tables: the driver would write to one server and read from another, and
// each would hold a part of the truth. Servers that do not answer now are not
// asked: one of several may be away.
func checkShared(ctx context.Context, database string, addrs []string, ask asker) error {
	if len(addrs) < 2 {
		return nil
	}
	servers, apart := map[string]bool{}, ""
	for _, addr := range addrs {
		id, engine, err := ask(ctx, addr)
		if isTransient(err) {
			continue
		}
		if err != nil {
			return fail("ask clickhouse "+addr+" whether its tables are shared", err)
		}
		servers[id] = true
		if !sharedEngine(engine) {
			apart = addr
		}
	}
	if len(servers) < 2 || apart == "" { // several names of one server are as good as one
		return nil
	}
	return fmt.Errorf("clickhouse.addr names several servers, and the tables of database %s on %s are not shared between them: name one server, or create the tables on all of them as ReplicatedReplacingMergeTree first (the statements are in settlement/clickhouse/migrations)", database, apart)
}

// asker returns which server an address leads to, and the engine of its table
// of records, "" when there is none.
type asker func(ctx context.Context, addr string) (id, engine string, err error)

// standsBehind is the asker of servers that o leads to.
func standsBehind(ctx context.Context, o Options, addr string) (id, engine string, err error) {
	one := o
	one.Addr = []string{addr}
	conn, err := ch.Open(connOptions(one, "default"))
	if err != nil {
		return "", "", err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := conn.QueryRow(ctx, "SELECT concat(toString(serverUUID()), ' ', hostName(), ' ', toString(tcpPort()))").Scan(&id); err != nil {
		return "", "", err
	}
	err = conn.QueryRow(ctx, "SELECT engine FROM system.tables WHERE database = ? AND name = 'records'", o.Database).Scan(&engine)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return id, engine, err
}

func sharedEngine(engine string) bool {
	for _, prefix := range []string{"Replicated", "Shared", "Distributed"} {
		if strings.HasPrefix(engine, prefix) {
			return true
		}
	}
	return false
}
