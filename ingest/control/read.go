package control

import (
	"context"
	"fmt"
	"iter"
)

// readBatch is how many records are read at once.
const readBatch = 500

// Read hands on the events at some offsets, ascending, as they stand in the log. Whether
// one had an effect only the fold of its domain can say: who asks names those that had.
// Errors: those of fn and of the log.
func (m *Machine) Read(ctx context.Context, offsets iter.Seq[int64], fn func(Event, Change) error) error {
	next, stop := iter.Pull(offsets)
	defer stop()
	for offset, more := next(); more; {
		records, err := m.log.Read(ctx, m.partition, offset, readBatch)
		if err != nil {
			return fmt.Errorf("read control record %d: %w", offset, err)
		}
		if len(records) == 0 || records[0].Offset != offset {
			return fmt.Errorf("read control record %d: the log does not have it", offset)
		}
		for _, r := range records {
			if !more || r.Offset != offset {
				continue
			}
			e, change, err := m.decode(r.Body)
			if err != nil {
				return fmt.Errorf("control record %d: %w", offset, err)
			}
			e.Offset, e.Body = offset, r.Body
			if err := fn(e, change); err != nil {
				return err
			}
			offset, more = next()
		}
	}
	return nil
}
