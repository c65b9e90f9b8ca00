package command

import (
	"container/heap"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// agenda is what is due in a partition, the first first. Desk.mu guards it.
type agenda struct {
	items   items
	changed chan struct{} // something is due earlier than before
	over    chan struct{} // closed when nobody sees to it any more
}

func newAgenda() *agenda {
	return &agenda{changed: make(chan struct{}, 1), over: make(chan struct{})}
}

// put has an item come at its instant; one without an instant comes never.
func (a *agenda) put(it *item) {
	switch {
	case it.at == 0:
		a.drop(it)
		return
	case it.index < 0:
		heap.Push(&a.items, it)
	default:
		heap.Fix(&a.items, it.index)
	}
	select {
	case a.changed <- struct{}{}:
	default:
	}
}

func (a *agenda) drop(it *item) {
	if it.index >= 0 {
		heap.Remove(&a.items, it.index)
	}
}

// next takes the first item that is due; where none is it says how long until one is.
func (a *agenda) next(now ocpi.Time) (it *item, wait time.Duration) {
	if len(a.items) == 0 {
		return nil, time.Hour
	}
	if first := a.items[0]; first.at > now {
		return nil, time.Duration(first.at - now)
	}
	return heap.Pop(&a.items).(*item), 0
}

// items implements heap.Interface.
type items []*item

func (l items) Len() int           { return len(l) }
func (l items) Less(i, j int) bool { return l[i].at < l[j].at }
func (l items) Swap(i, j int) {
	l[i], l[j] = l[j], l[i]
	l[i].index, l[j].index = i, j
}

func (l *items) Push(x any) {
	it := x.(*item)
	it.index = len(*l)
	*l = append(*l, it)
}

func (l *items) Pop() any {
	last := len(*l) - 1
	it := (*l)[last]
	(*l)[last] = nil
	*l = (*l)[:last]
	it.index = -1
	return it
}
