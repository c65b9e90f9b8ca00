package ingest

import "fmt"

// Partition is one partition of one topic in one epoch of it: the unit that is
// followed, leased, stored and proved. It is a value: compare it with ==, use
// it as a key.
type Partition struct {
	Topic  Topic
	Epoch  uint8 // topic epoch, see package control
	Number int32
}

// String returns "topic/number", as messages and log lines name it.
func (p Partition) String() string { return fmt.Sprintf("%s/%d", p.Topic, p.Number) }

// At returns the position of an offset in the partition.
func (p Partition) At(offset int64) Position {
	return Position{Epoch: p.Epoch, Partition: p.Number, Offset: offset}
}
