package clickhouse

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/go-faster/city"
	"github.com/parquet-go/parquet-go/bloom"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// identities says of which identities a partition may have a CDR: of one that it does
// not know there is none. So a CDR that comes for the first time asks the store
// nothing, as nearly all do. One in a thousand is taken for known wrongly, which
// costs a question.
//
// An identity is hashed with a salt of this Store's own: nobody can choose ids
// that are all taken for known.
type identities struct {
	salt   string
	layers []bloom.SplitBlockFilter // each for as many identities as all before it
	room   uint                     // identities that the last layer has place for
	count  uint
	buffer []byte
}

const (
	knownLayer = 1 << 20 // identities, in the first layer at least
	knownBits  = 17      // of each: one in a thousand is taken for known wrongly
)

func newIdentities(expected uint) *identities {
	k := &identities{salt: rand.Text()}
	k.grow(max(knownLayer, expected+expected/2))
	return k
}

func (k *identities) grow(room uint) {
	k.layers, k.room = append(k.layers, make(bloom.SplitBlockFilter, bloom.NumSplitBlocksOf(int64(room), knownBits))), room
}

// hash is what an identity is known by; knownSQL is the same in the store.
func (k *identities) hash(key ocpi.Key) uint64 {
	b := append(k.buffer[:0], k.salt...)
	b = append(append(b, key.Party.Country...), 0)
	b = append(append(b, key.Party.ID...), 0)
	k.buffer = append(b, key.ID...)
	return city.CH64(k.buffer)
}

const knownSQL = `SELECT cityHash64(concat(?, country, '\0', party, '\0', id)) FROM cdrs WHERE partition = ?`

func (k *identities) add(hash uint64) {
	if k.room == 0 {
		k.grow(max(knownLayer, k.count))
	}
	k.layers[len(k.layers)-1].Insert(hash)
	k.room--
	k.count++
}

func (k *identities) has(hash uint64) bool {
	for _, l := range k.layers {
		if l.Check(hash) {
			return true
		}
	}
	return false
}

// writer is what a Store remembers of a partition that it writes. Whoever writes
// holds its lock.
type writer struct {
	sync.Mutex
	known *identities // nil: not read yet
}

// writers are a Store's, by partition.
type writers struct {
	mu sync.Mutex // guards of
	of map[ingest.Partition]*writer
}

func (w *writers) at(p ingest.Partition) *writer {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of[p] == nil {
		if w.of == nil {
			w.of = map[ingest.Partition]*writer{}
		}
		w.of[p] = &writer{}
	}
	return w.of[p]
}

// Resume returns the offset of the first record of a partition of CDRs that is
// not stored. Whoever is to write the partition from now on calls it first:
// what another process has written meanwhile is no longer unknown then.
func (s *Store) Resume(ctx context.Context, p ingest.Partition) (next int64, err error) {
	w := s.writers.at(p)
	w.Lock()
	w.known = nil
	w.Unlock()
	return s.Checkpoint(ctx, p)
}

// knownOf returns the identities of a partition, read from the store the first
// time: 8 bytes each are sent.
func (s *Store) knownOf(ctx context.Context, p ingest.Partition, w *writer) (*identities, error) {
	if w.known != nil {
		return w.known, nil
	}
	attempt := fmt.Sprintf("read which CDRs of %s there are", p)
	var n uint64
	if err := s.conn.QueryRow(ctx, "SELECT count() FROM cdrs WHERE partition = ?", p.Number).Scan(&n); err != nil {
		return nil, fail(attempt, err)
	}
	k := newIdentities(uint(n))
	err := s.each(ctx, attempt, knownSQL, []any{k.salt, p.Number}, func(rows driver.Rows) error {
		var hash uint64
		err := rows.Scan(&hash)
		k.add(hash)
		return err
	})
	if err != nil {
		return nil, err
	}
	w.known = k
	return k, nil
}
