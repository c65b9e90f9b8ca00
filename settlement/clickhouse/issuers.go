package clickhouse

import (
	"context"
	"fmt"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/roamclear/roamclear/ocpi"
)

// NoteIssuers keeps a list of issuers, before a result names it. It may be kept
// already.
func (s *Store) NoteIssuers(ctx context.Context, list ocpi.Issuers) error {
	return fail("note the list of issuers", s.conn.Exec(ctx, "INSERT INTO issuers (digest, list) VALUES (?, ?)", list.Digest(), strings.Join(list.Lines(), "\n")))
}

// IssuerLists returns the lists of issuers that results may name, by their digests. One
// that is not what its digest says is left out: nothing rests on it.
func (s *Store) IssuerLists(ctx context.Context) (map[string]ocpi.Issuers, error) {
	lists := map[string]ocpi.Issuers{}
	err := s.each(ctx, "read lists of issuers", "SELECT DISTINCT digest, list FROM issuers", nil, func(rows driver.Rows) error {
		var digest, text string
		if err := rows.Scan(&digest, &text); err != nil {
			return err
		}
		list, err := ocpi.ParseIssuers(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' }))
		if err != nil {
			return fmt.Errorf("list %s: %w", digest, err)
		}
		if list.Digest() == digest {
			lists[digest] = list
		}
		return nil
	})
	return lists, err
}
