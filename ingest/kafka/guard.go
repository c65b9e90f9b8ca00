package kafka

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"

	"github.com/roamclear/roamclear/ingest"
)

// Run keeps the broker's directory within its bounds until ctx ends (then it
// returns nil): it measures four times a second and trims once. A trim that
// fails is logged and tried again; meanwhile the cap holds.
func (e *Embedded) Run(ctx context.Context) error {
	measure, trim := time.NewTicker(measureInterval), time.NewTicker(trimInterval)
	defer measure.Stop()
	defer trim.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-measure.C:
			if err := e.measure(); err != nil {
				return fmt.Errorf("guard embedded broker: %w", err)
			}
		case <-trim.C:
			if err := e.Trim(); err != nil {
				e.opts.Logger.Error("trim failed", "error", err)
			}
		}
	}
}

// measure takes the size of the directory and the free space beside it.
func (e *Embedded) measure() error {
	size, err := dirSize(filepath.Join(e.opts.Dir, brokerDir))
	if err != nil {
		return fmt.Errorf("measure directory: %w", err)
	}
	var s unix.Statfs_t
	if err := unix.Statfs(e.opts.Dir, &s); err != nil {
		return fmt.Errorf("measure free space: %w", err)
	}
	e.size.Store(size)
	e.free.Store(int64(s.Bavail * uint64(s.Bsize)))
	e.alarm(&e.capped, size > e.opts.CapBytes-capMargin, "embedded log is at its cap, appends are refused until it is trimmed")
	e.alarm(&e.lowDisk, e.free.Load() < e.opts.MinFreeBytes, "disk is nearly full, appends are refused until there is room")
	return nil
}

// Fill is how many bytes the directory has, and beyond how many appends are
// refused.
func (e *Embedded) Fill() (used, limit int64) { return e.size.Load(), e.opts.CapBytes - capMargin }

func (e *Embedded) alarm(flag interface{ Swap(bool) bool }, now bool, message string) {
	if was := flag.Swap(now); now && !was {
		e.opts.Logger.Error(message, "bytes", e.size.Load(), "cap", e.opts.CapBytes, "free", e.free.Load(), "min_free", e.opts.MinFreeBytes)
	}
}

func dirSize(dir string) (int64, error) {
	var size int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil // trimmed meanwhile
		}
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}

// Trim deletes what every registered group has committed and, where no group
// reads them, all but the newest of the bodies we could not use.
func (e *Embedded) Trim() error {
	var errs []error
	for topic, groups := range e.opts.Groups {
		if spec, _ := topic.Spec(); !spec.Stored() || len(groups) == 0 {
			continue // kept whole: every process folds it from the start
		}
		for _, p := range e.cluster.PartitionInfos(string(topic)) {
			if committed, ok := e.committed(topic, p.Partition, groups); ok {
				errs = append(errs, e.TrimTo(topic, p.Partition, committed))
			}
		}
	}
	if len(e.opts.Groups[ingest.TopicRefused]) == 0 {
		errs = append(errs, e.trimRefused()) // else a group would find a gap
	}
	return errors.Join(errs...)
}

// committed returns the lowest commit of the groups, false when one of them
// has not committed yet.
func (e *Embedded) committed(topic ingest.Topic, partition int32, groups []string) (int64, bool) {
	lowest := int64(-1)
	for _, name := range groups {
		g := e.cluster.GroupInfo(name)
		if g == nil {
			return 0, false
		}
		c, ok := g.Commits[string(topic)][partition]
		if !ok {
			return 0, false
		}
		if lowest < 0 || c.Offset < lowest {
			lowest = c.Offset
		}
	}
	return lowest, lowest >= 0
}

// TrimTo deletes the whole segments of a partition that lie before committed
// and before its newest record: the newest one always stays, because an empty
// partition would start again at offset 0. Where the log ends is on disk
// before anything is deleted.
func (e *Embedded) TrimTo(topic ingest.Topic, partition int32, committed int64) error {
	e.trimming.Lock()
	defer e.trimming.Unlock()
	end, ok := e.end(string(topic), partition)
	if !ok {
		return fmt.Errorf("trim %s/%d: no such partition", topic, partition)
	}
	to := min(committed, end-1)
	segments, err := e.segments(topic, partition)
	if err != nil {
		return fmt.Errorf("trim %s/%d: %w", topic, partition, err)
	}
	if len(segments) < 2 || segments[1].base > to {
		return nil // no whole segment before it
	}
	if err := e.marks.save(e.ends()); err != nil {
		return fmt.Errorf("trim %s/%d: %w", topic, partition, err)
	}
	if err := e.cluster.DeleteRecords(string(topic), partition, to); err != nil {
		return fmt.Errorf("trim %s/%d to %d: %w", topic, partition, to, err)
	}
	e.metrics.trims.Inc()
	return nil
}

// ends returns where every partition that was ever written to ends.
func (e *Embedded) ends() map[string]int64 {
	ends := make(map[string]int64)
	for _, t := range ingest.Topics() {
		for _, p := range e.cluster.PartitionInfos(string(t.Topic)) {
			if p.HighWatermark > 0 {
				ends[partitionName(string(t.Topic), p.Partition)] = p.HighWatermark
			}
		}
	}
	return ends
}

// trimRefused keeps the newest RefusedBytes of the bodies we could not use.
func (e *Embedded) trimRefused() error {
	for _, p := range e.cluster.PartitionInfos(string(ingest.TopicRefused)) {
		segments, err := e.segments(ingest.TopicRefused, p.Partition)
		if err != nil {
			return fmt.Errorf("trim %s: %w", ingest.TopicRefused, err)
		}
		kept := int64(0)
		for i := len(segments) - 1; i > 0; i-- {
			if kept += segments[i].size; kept >= e.opts.RefusedBytes {
				if err := e.TrimTo(ingest.TopicRefused, p.Partition, segments[i].base); err != nil {
					return err
				}
				break
			}
		}
	}
	return nil
}

// segment is one file of a partition: the offset it begins with, its bytes.
type segment struct{ base, size int64 }

func partitionDir(topic ingest.Topic, partition int32) string {
	return string(topic) + "-" + strconv.Itoa(int(partition))
}

// segments returns the files of a partition, oldest first.
func (e *Embedded) segments(topic ingest.Topic, partition int32) ([]segment, error) {
	dir := filepath.Join(e.opts.Dir, brokerDir, "partitions", partitionDir(topic, partition))
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) { // none before the first record
		return nil, err
	}
	var segments []segment
	for _, entry := range entries {
		number, ok := strings.CutSuffix(entry.Name(), ".dat")
		base, err := strconv.ParseInt(number, 10, 64)
		if !ok || err != nil {
			continue
		}
		info, err := entry.Info()
		if err != nil {
			return nil, err
		}
		segments = append(segments, segment{base: base, size: info.Size()})
	}
	slices.SortFunc(segments, func(a, b segment) int { return int(a.base - b.base) })
	return segments, nil
}

type embeddedMetrics struct{ trims prometheus.Counter }

func newEmbeddedMetrics(reg prometheus.Registerer, e *Embedded) *embeddedMetrics {
	m := &embeddedMetrics{trims: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "roamclear_embedded_log_trims_total", Help: "Trims of a partition of the embedded log."})}
	gauge := func(name, help string, f func() int64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(f()) })
	}
	reg.MustRegister(m.trims,
		gauge("roamclear_embedded_log_bytes", "Size of the embedded log.", e.size.Load),
		gauge("roamclear_embedded_log_cap_bytes", "Size from which on appends are refused.", func() int64 { return e.opts.CapBytes - capMargin }),
		gauge("roamclear_embedded_log_free_bytes", "Free space beside the embedded log.", e.free.Load))
	return m
}
