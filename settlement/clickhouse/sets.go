package clickhouse

import (
	"context"
	"fmt"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/roamclear/roamclear/ocpi"
)

// fewInText is how many members of a set stand in a query's text. The text is bounded
// (max_query_size), and read anew in each query: of more, a table goes with the query.
const fewInText = 100

// sets are the sets that queries name, where they are too large for their text. Those who see everybody's objects but for former partners' ask
// for the same parties on each list that they read.
type sets struct {
	tables []*ext.Table
	names  map[any]string // of tables, by the first member of the set
	err    error
}

// with has the tables go with queries.
func (s *sets) with(ctx context.Context) context.Context {
	if len(s.tables) == 0 {
		return ctx
	}
	return ch.Context(ctx, ch.WithExternalTable(s.tables...))
}

// parties is a set of parties, as the right side of IN.
func (s *sets) parties(of []ocpi.Party) (set string, args []any) {
	if len(of) <= fewInText {
		return tuples(len(of), 2, func(i int) []any { return []any{of[i].Country, of[i].ID} })
	}
	return s.table(&of[0], len(of), func(i int) []any { return []any{of[i].Country, of[i].ID} },
		ext.Column("country", "String"), ext.Column("party", "String")), nil
}

// lists is a set of lists, which the columns of those names say.
func (s *sets) lists(names [3]string, of []listPart) (set string, args []any) {
	if len(of) <= fewInText {
		return tuples(len(of), len(names), func(i int) []any { return of[i].of })
	}
	columns := make([]func(*ext.Table) error, len(names))
	for i, name := range names {
		columns[i] = ext.Column(name, "String")
		if _, number := of[0].of[i].(uint8); number {
			columns[i] = ext.Column(name, "UInt8")
		}
	}
	return s.table(fmt.Sprint(of[0].of, of[len(of)-1].of), len(of), func(i int) []any { return of[i].of }, columns...), nil
}

// numbers is a set of numbers, of which there is one at least.
func (s *sets) numbers(of []uint64) (set string, args []any) {
	if len(of) <= fewInText {
		return tuples(len(of), 1, func(i int) []any { return []any{of[i]} })
	}
	return s.table(&of[0], len(of), func(i int) []any { return []any{of[i]} }, ext.Column("number", "UInt64")), nil
}

// table makes a table of a set, or finds the one that was made of it.
func (s *sets) table(key any, n int, values func(i int) []any, columns ...func(*ext.Table) error) string {
	key = [2]any{key, n}
	if name, ok := s.names[key]; ok {
		return name
	}
	name := fmt.Sprintf("set_%d", len(s.tables))
	table, err := ext.NewTable(name, columns...)
	for i := 0; i < n && err == nil; i++ {
		err = table.Append(values(i)...)
	}
	if err != nil {
		s.err = fmt.Errorf("make a table of %d members: %w", n, err)
		return name
	}
	if s.names == nil {
		s.names = map[any]string{}
	}
	s.tables, s.names[key] = append(s.tables, table), name
	return name
}
