package messages

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// How messages are kept: batches of some seconds, since an insert costs the store the same
// whatever its size, and at once where a partner's share would be full before.
const (
	keepEvery   = 2 * time.Second
	keepRows    = 8192
	forgetEvery = time.Hour
	lastWithin  = 5 * time.Second // of a stop
	rowBytes    = 640             // what a message takes beside its bodies
)

// Options are what a [Log] works with.
type Options struct {
	Store Store
	// Digest stands for the uid of a Token: with the same key the same text, which says
	// nothing of the uid to whoever lacks it.
	Digest    func(uid string) string
	Retention time.Duration // how long messages are kept, by whole days
	Bytes     int64         // that may wait to be kept; of one partner a quarter
	Logger    *slog.Logger
	Metrics   *Metrics
	Now       func() time.Time
}

// Log keeps messages. Nobody waits for it: what there is no room for is counted instead. A
// nil Log keeps none. It is safe for concurrent use.
type Log struct {
	Options
	keeping chan struct{} // held while a batch is being kept
	full    chan struct{} // told when there are keepRows

	mu      sync.Mutex // guards what follows
	seq     uint64
	rows    []Message
	arena   []byte           // that bodies are copied to
	bytes   int64            // of rows, and of those being kept
	of      map[string]int64 // likewise, by partner
	dropped map[string]uint32
}

// New returns a Log; Run keeps what it is offered.
func New(o Options) *Log {
	return &Log{
		Options: o, keeping: make(chan struct{}, 1), full: make(chan struct{}, 1), seq: rand.Uint64() << 24,
		of: map[string]int64{}, dropped: map[string]uint32{},
	}
}

// Bounds of texts, in bytes: who sends them chooses them.
const (
	maxPath   = 1024
	maxReason = 300
	maxID     = 128
)

// bound cuts off what is longer than it may be.
func (m *Message) bound() {
	m.Request, m.Response = m.Request[:min(len(m.Request), MaxBody)], m.Response[:min(len(m.Response), MaxBody)]
	cut(&m.Path, maxPath)
	cut(&m.Reason, maxReason)
	for _, id := range []*string{&m.RequestID, &m.CorrelationID, &m.From, &m.To, &m.Owner, &m.ID, &m.SessionID, &m.TokenUID} {
		cut(id, maxID)
	}
}

func cut(s *string, most int) {
	if len(*s) > most {
		*s = strings.ToValidUTF8(strings.Clone((*s)[:most]), "") // what is left out is not held
	}
}

// size is what a message takes of the room.
func (m *Message) size() int64 {
	return int64(rowBytes + len(m.Path) + len(m.Reason) + len(m.Request) + len(m.Response))
}

// Offer takes a message, with copies of its bodies, or counts that there was no room for
// it. It waits for nobody.
func (l *Log) Offer(m *Message) {
	if l == nil {
		return
	}
	m.bound()
	n := m.size()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bytes+n > l.Bytes || l.of[m.Partner]+n > l.Bytes/4 {
		l.dropped[m.Partner]++
		l.Metrics.dropped.Inc()
		return
	}
	l.bytes += n
	l.of[m.Partner] += n
	l.seq++
	l.rows = append(l.rows, *m)
	kept := &l.rows[len(l.rows)-1]
	kept.Seq, kept.Request, kept.Response = l.seq, l.copied(m.Request), l.copied(m.Response)
	if len(l.rows) == keepRows {
		select {
		case l.full <- struct{}{}:
		default:
		}
	}
}

// copied is a body in memory that messages share: one allocation for some hundred.
func (l *Log) copied(body []byte) []byte {
	if len(body) == 0 {
		return nil
	}
	if cap(l.arena)-len(l.arena) < len(body) {
		l.arena = make([]byte, 0, MaxBody)
	}
	from := len(l.arena)
	l.arena = append(l.arena, body...)
	return l.arena[from:len(l.arena):len(l.arena)]
}

// Run keeps messages until ctx ends, and then what is left.
func (l *Log) Run(ctx context.Context) error {
	tick, forget := time.NewTicker(keepEvery), time.NewTicker(forgetEvery)
	defer tick.Stop()
	defer forget.Stop()
	l.forget(ctx)
	away := false
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWithin)
			defer cancel()
			if err := l.Flush(last); err != nil {
				l.Logger.Warn("messages with partners are lost: they could not be kept before the stop", "error", err)
			}
			return nil
		case <-forget.C:
			l.forget(ctx)
			continue
		case <-tick.C:
		case <-l.full:
		}
		err := l.Flush(ctx)
		if err != nil && !away && ctx.Err() == nil {
			l.Logger.Warn("messages with partners cannot be kept now", "error", err)
		}
		away = err != nil
	}
}

func (l *Log) forget(ctx context.Context) {
	if err := l.Store.ForgetMessages(ctx, l.Now().Add(-l.Retention)); err != nil && !errors.Is(err, context.Canceled) {
		l.Logger.Warn("old messages with partners are still there", "error", err)
	}
}

// Flush keeps what was offered before it was called. Where that fails it waits further, as
// long as there is room.
func (l *Log) Flush(ctx context.Context) error {
	if l == nil {
		return nil
	}
	select {
	case l.keeping <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-l.keeping }()
	rows, dropped := l.take()
	if len(rows) == 0 && len(dropped) == 0 {
		return nil
	}
	for i := range rows {
		if m := &rows[i]; m.TokenUID != "" {
			m.Token, m.TokenUID = l.Digest(ocpi.Fold(m.TokenUID)), ""
		}
	}
	all := rows
	for partner, n := range dropped {
		all = append(all, Message{At: ocpi.TimeOf(l.Now()), Seq: l.next(), Partner: partner, NotKept: n})
	}
	err := l.Store.WriteMessages(ctx, all)
	l.settle(rows, dropped, err)
	return err
}

func (l *Log) next() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	return l.seq
}

// take takes what waits; it has its room until settle.
func (l *Log) take() (rows []Message, dropped map[string]uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	rows, dropped = l.rows, l.dropped
	l.rows, l.dropped = make([]Message, 0, min(len(rows)+len(rows)/4, keepRows)), map[string]uint32{}
	return rows, dropped
}

// settle ends what take began.
func (l *Log) settle(rows []Message, dropped map[string]uint32, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.rows = append(rows, l.rows...)
		for partner, n := range dropped {
			l.dropped[partner] += n
		}
		return
	}
	for i := range rows {
		n := rows[i].size()
		l.bytes -= n
		if l.of[rows[i].Partner] -= n; l.of[rows[i].Partner] == 0 {
			delete(l.of, rows[i].Partner)
		}
	}
	l.Metrics.kept.Add(float64(len(rows)))
}
