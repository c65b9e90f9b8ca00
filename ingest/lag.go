package ingest

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// LagLog is what a Lag asks the log.
type LagLog interface {
	Reader
	// NextOf returns the offsets a group goes on at, by partition; those it
	// never committed are not in the map.
	NextOf(ctx context.Context, group string, topic Topic) (map[Partition]int64, error)
}

// Lag says how far each group is behind the log: how many records wait, and
// how old the oldest of them is. It asks the log itself now and then, so it
// tells the truth also where no worker runs, and asking it costs nothing.
type Lag struct {
	log    LagLog
	logger *slog.Logger

	mu      sync.Mutex // guards what follows
	behind  map[Partition]behind
	unknown map[Partition]bool // that the last look could not ask
	late    map[string]bool
}

// behind is what waits in one partition; oldest is not set when nothing does.
type behind struct {
	records int64
	oldest  time.Time
	next    int64     // where it stands
	moved   time.Time // when it was last seen to move
}

const (
	lagInterval = 2 * time.Second
	lagTimeout  = 5 * time.Second
	// lateAfter is the age from which on a record that waits is worth telling.
	lateAfter = time.Minute
)

var (
	lagLabels  = []string{"group", "topic", "partition"}
	lagRecords = prometheus.NewDesc("roamclear_log_waiting_records",
		"Records in the log that their group has not stored yet.", lagLabels, nil)
	lagAge = prometheus.NewDesc("roamclear_log_oldest_waiting_seconds",
		"Age of the oldest record in the log that its group has not stored yet; 0 when there is none.", lagLabels, nil)
	lagUnknown = prometheus.NewDesc("roamclear_log_waiting_unknown",
		"1 where the log could not be asked how much waits in a partition: then the others say nothing of it.", lagLabels, nil)
)

// NewLag returns a Lag that knows nothing yet: Run looks.
func NewLag(log LagLog, logger *slog.Logger, reg prometheus.Registerer) *Lag {
	l := &Lag{log: log, logger: logger, behind: map[Partition]behind{}, unknown: map[Partition]bool{}, late: map[string]bool{}}
	reg.MustRegister(l)
	return l
}

// Run looks at the log until ctx ends; then it returns nil. Of a partition that cannot
// be asked, the metrics say so.
func (l *Lag) Run(ctx context.Context) error {
	for {
		l.look(ctx)
		if !Pause(ctx, lagInterval) {
			return nil
		}
	}
}

// Age returns the age of the oldest record that a group has not stored yet, 0
// when there is none, as of the last look and grown since.
func (l *Lag) Age(group string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.age(group)
}

func (l *Lag) age(group string) time.Duration {
	var oldest time.Duration
	for p, b := range l.behind {
		if spec, _ := p.Topic.Spec(); spec.Group == group && b.records > 0 {
			oldest = max(oldest, time.Since(b.oldest))
		}
	}
	return oldest
}

// stuckAfter is how long a group may stand still and count as moving: longer
// than its longest window and a look.
const stuckAfter = 10 * time.Second

// Behind is Age, and whether the group stores what waits: moves is false where
// it stands still.
func (l *Lag) Behind(group string) (age time.Duration, moves bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for p, b := range l.behind {
		if spec, _ := p.Topic.Spec(); spec.Group == group && b.records > 0 {
			moves = moves || time.Since(b.moved) < stuckAfter
		}
	}
	return l.age(group), moves
}

// look asks the log where every group stands, and tells who is late. Each partition
// is asked beside the others: one without a leader hides nothing of these.
func (l *Lag) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lagTimeout)
	defer cancel()
	var all sync.WaitGroup
	for _, t := range topics {
		if t.Stored() {
			all.Go(func() { l.lookAt(ctx, t) })
		}
	}
	all.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range topics {
		if t.Stored() {
			l.tell(t.Group)
		}
	}
}

func (l *Lag) lookAt(ctx context.Context, t TopicSpec) {
	next, err := l.log.NextOf(ctx, t.Group, t.Topic)
	var all sync.WaitGroup
	for _, p := range l.log.Partitions(t.Topic) {
		all.Go(func() {
			b, failed := behind{}, err
			if failed == nil {
				b, failed = l.partition(ctx, p, next[p])
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.unknown[p] = failed != nil; failed == nil {
				l.behind[p] = b
			}
		})
	}
	all.Wait()
}

func (l *Lag) partition(ctx context.Context, p Partition, next int64) (behind, error) {
	start, end, err := l.log.Bounds(ctx, p)
	if err != nil {
		return behind{}, err
	}
	if next = max(next, start); next >= end {
		return behind{}, nil
	}
	l.mu.Lock()
	known := l.behind[p]
	l.mu.Unlock()
	if known.records > 0 && known.next == next {
		return behind{end - next, known.oldest, next, known.moved}, nil // still the same one
	}
	oldest, err := l.log.Read(ctx, p, next, 1)
	if err != nil || len(oldest) == 0 {
		return behind{}, err
	}
	return behind{end - next, oldest[0].Received.Go(), next, time.Now()}, nil
}

// tell says once that a group is late, and once that it no longer is.
func (l *Lag) tell(group string) {
	age := l.age(group)
	switch late := age >= lateAfter; {
	case late && !l.late[group]:
		l.logger.Warn("records wait long to be stored", "group", group, "oldest", age.Round(time.Second))
	case !late && l.late[group]:
		l.logger.Info("records no longer wait long", "group", group)
	}
	l.late[group] = age >= lateAfter
}

// Describe implements prometheus.Collector.
func (l *Lag) Describe(ch chan<- *prometheus.Desc) {
	ch <- lagRecords
	ch <- lagAge
	ch <- lagUnknown
}

// Collect implements prometheus.Collector. Of a partition that could not be asked there
// is neither number: none would be read as no lag.
func (l *Lag) Collect(ch chan<- prometheus.Metric) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for p, unknown := range l.unknown {
		spec, _ := p.Topic.Spec()
		labels := []string{spec.Group, p.Topic.Short(), strconv.Itoa(int(p.Number))}
		if unknown {
			ch <- prometheus.MustNewConstMetric(lagUnknown, prometheus.GaugeValue, 1, labels...)
			continue
		}
		b, age := l.behind[p], 0.0
		if b.records > 0 {
			age = time.Since(b.oldest).Seconds()
		}
		ch <- prometheus.MustNewConstMetric(lagUnknown, prometheus.GaugeValue, 0, labels...)
		ch <- prometheus.MustNewConstMetric(lagRecords, prometheus.GaugeValue, float64(b.records), labels...)
		ch <- prometheus.MustNewConstMetric(lagAge, prometheus.GaugeValue, age, labels...)
	}
}
