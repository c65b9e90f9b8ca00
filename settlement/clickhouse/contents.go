package clickhouse

import (
	"context"
	"fmt"

	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// Contents implements [settlement.Reader].
func (s *Store) Contents(ctx context.Context, key ocpi.Key) (*settlement.Contents, error) {
	all, err := s.allCopies(ctx, key)
	if err != nil {
		return nil, err
	}
	distinct := distinctContents(all)
	others := positionsOf(distinct[1:])
	fit, err := s.fitting(ctx, ingest.TopicCDRs, others, settlement.PageBytes)
	if err != nil {
		return nil, err
	}
	records, err := s.recordsAt(ctx, ingest.TopicCDRs, append([]ingest.Position{distinct[0].Position}, fit...))
	if err != nil {
		return nil, err
	}
	out := &settlement.Contents{More: len(others) - len(fit)}
	for i, c := range distinct[:1+len(fit)] {
		r, ok := records[c.Position]
		if !ok {
			return nil, fmt.Errorf("copy %s of %s has no record in the store: run roamclear verify", c.Position, key)
		}
		body := settlement.CopyBody{Copy: c, Version: r.Version, Body: r.Body}
		if i == 0 {
			out.Counts = body
		} else {
			out.Others = append(out.Others, body)
		}
	}
	return out, nil
}

// allCopies returns the copies of a CDR, the one that counts first, one at least.
func (s *Store) allCopies(ctx context.Context, key ocpi.Key) ([]settlement.Copy, error) {
	var w where
	w.key(key)
	copies, err := s.copiesOf(ctx, w.String(), w.args)
	if err != nil {
		return nil, err
	}
	all := copies[key]
	if len(all) == 0 { // it came once, or not at all
		all, err = s.onlyCopy(ctx, key)
	}
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("read copies of %s: %w", key, settlement.ErrNotFound)
	}
	return all, err
}

// onlyCopy returns the copy of a CDR that came once, none of one that did not
// come.
func (s *Store) onlyCopy(ctx context.Context, key ocpi.Key) ([]settlement.Copy, error) {
	places, err := s.placesOfKey(ctx, key)
	if err != nil || len(places) == 0 {
		return nil, err
	}
	at := places[0].Position
	records, err := s.copiesAt(ctx, []ingest.Position{at})
	if err != nil {
		return nil, err
	}
	r, ok := records[at]
	if !ok {
		return nil, fmt.Errorf("CDR %s has no record %s in the store: run roamclear verify", key, at)
	}
	return []settlement.Copy{{Position: at, Received: instant(r.Received), Sender: r.Sender, Hash: r.Hash}}, nil
}

// distinctContents are the first copies of each content.
func distinctContents(copies []settlement.Copy) (distinct []settlement.Copy) {
	seen := map[ingest.Hash]bool{}
	for _, c := range copies {
		if !seen[c.Hash] {
			seen[c.Hash] = true
			distinct = append(distinct, c)
		}
	}
	return distinct
}

func positionsOf(copies []settlement.Copy) []ingest.Position {
	positions := make([]ingest.Position, len(copies))
	for i, c := range copies {
		positions[i] = c.Position
	}
	return positions
}
