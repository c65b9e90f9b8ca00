package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	segmentio "github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/roamclear/roamclear/ingest"
)

// EmbeddedOptions of an Embedded. Only Dir must be set.
type EmbeddedOptions struct {
	Dir          string // its own; created if missing
	CapBytes     int64  // size of Dir from which on appends are refused, less capMargin: 512 MiB
	MinFreeBytes int64  // free space on Dir's file system below which appends are refused: 192 MiB
	RefusedBytes int64  // of bodies we could not use that are kept, if no group reads them: 32 MiB

	// Groups names, per topic, the consumer groups that read it: those of the
	// table of topics. What all of them have committed is trimmed. A topic
	// without groups is kept whole.
	Groups map[ingest.Topic][]string

	Logger     *slog.Logger // nil: nothing is logged
	Registerer prometheus.Registerer
}

const (
	// embeddedSegmentBytes is the unit of trimming: with kfake's default of
	// 100 MiB the directory would hardly ever shrink.
	embeddedSegmentBytes = 4 << 20
	defaultCapBytes      = 512 << 20
	defaultMinFreeBytes  = 192 << 20
	defaultRefusedBytes  = 32 << 20

	// capMargin is what may arrive between two measurements of Dir.
	capMargin = 32 << 20
	// controlReserve is for decisions alone, beyond the cap: some 20,000.
	controlReserve  = 8 << 20
	measureInterval = 250 * time.Millisecond
	trimInterval    = time.Second

	brokerDir = "broker"
)

// Embedded is a Kafka-protocol broker in this process with its data in one
// directory, each batch synced to disk before it is acknowledged: the
// one-machine default. franz-go's kfake does the work; it calls itself a
// testing broker, and what stands around it here are the guards that make it
// fit for more: one process per directory, bounded size, trimming that cannot
// move offsets back, refusal to open a log that lost its end. It was tested
// with SIGKILL at random moments; loss of power was not tested.
type Embedded struct {
	opts    EmbeddedOptions
	cluster *kfake.Cluster
	addr    string
	lock    *os.File
	metrics *embeddedMetrics

	trimming sync.Mutex // guards marks
	marks    highWater

	size    atomic.Int64
	free    atomic.Int64
	capped  atomic.Bool
	lowDisk atomic.Bool
}

// StartEmbedded opens the broker in a directory, refusing one that another
// process uses or whose log ends before what was there when it was last
// trimmed. It returns once the broker answers. Run its guards, then Close it.
func StartEmbedded(ctx context.Context, o EmbeddedOptions) (*Embedded, error) {
	e, err := startEmbedded(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("start embedded broker in %s: %w", o.Dir, err)
	}
	return e, nil
}

func startEmbedded(ctx context.Context, o EmbeddedOptions) (_ *Embedded, err error) {
	o = o.withDefaults()
	dir := filepath.Join(o.Dir, brokerDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create directory: %w", err)
	}
	e := &Embedded{opts: o, marks: highWater{path: filepath.Join(o.Dir, "high-water.json")}}
	if e.lock, err = lockDir(o.Dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.Close())
		}
	}()
	if err := sweep(dir); err != nil {
		return nil, err
	}
	if err := e.marks.load(); err != nil {
		return nil, err
	}
	if e.cluster, err = kfake.NewCluster(brokerOptions(dir, o.Logger)...); err != nil {
		return nil, fmt.Errorf("open its data: %w", err)
	}
	e.addr = e.cluster.ListenAddrs()[0]
	if err := e.marks.check(e.end); err != nil {
		return nil, err
	}
	if err := e.probe(ctx); err != nil {
		return nil, err
	}
	debug.FreeOSMemory() // loading takes as much as the log is long
	e.metrics = newEmbeddedMetrics(o.Registerer, e)
	if err := e.measure(); err != nil {
		return nil, err
	}
	return e, nil
}

func (o EmbeddedOptions) withDefaults() EmbeddedOptions {
	for _, d := range []struct {
		v *int64
		d int64
	}{{&o.CapBytes, defaultCapBytes}, {&o.MinFreeBytes, defaultMinFreeBytes}, {&o.RefusedBytes, defaultRefusedBytes}} {
		if *d.v == 0 {
			*d.v = d.d
		}
	}
	if o.Groups == nil {
		o.Groups = map[ingest.Topic][]string{}
		for _, t := range ingest.Topics() {
			if t.Stored() {
				o.Groups[t.Topic] = []string{t.Group}
			}
		}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Registerer == nil {
		o.Registerer = prometheus.NewRegistry()
	}
	return o
}

// brokerOptions are kfake's settings. Its defaults delete records after 7
// days, on every topic once any has a retention, and commits of a group that
// nobody used for 7 days.
func brokerOptions(dir string, logger *slog.Logger) []kfake.Opt {
	return []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.DataDir(dir),
		kfake.SyncWrites(),
		kfake.WithLogger(brokerLogger{logger}),
		kfake.BrokerConfigs(map[string]string{
			"log.retention.ms":          "-1",
			"log.retention.bytes":       "-1",
			"log.segment.bytes":         strconv.Itoa(embeddedSegmentBytes),
			"offsets.retention.minutes": "52560000", // a century; the largest int would overflow
		}),
	}
}

// Addr returns the broker's address on loopback, for Options.Brokers.
func (e *Embedded) Addr() string { return e.addr }

// Options returns the options of a Log on this broker; the caller may fill in
// the rest.
func (e *Embedded) Options() Options {
	return Options{Brokers: []string{e.addr}, Replication: 1, Full: e.Refuses, Logger: e.opts.Logger, Registerer: e.opts.Registerer, embedded: true}
}

// Full reports whether what partners send must be refused: the cap is reached
// or the disk is nearly full.
func (e *Embedded) Full() bool { return e.capped.Load() || e.lowDisk.Load() }

// Refuses reports whether appends to a topic must be refused. Decisions have a
// reserve beyond what is full for all else: to remove the partner that fills
// the log, or end its token, must not wait until it has stopped.
func (e *Embedded) Refuses(topic ingest.Topic) bool {
	if topic != ingest.TopicControl {
		return e.Full()
	}
	return e.size.Load() > e.opts.CapBytes+controlReserve || e.free.Load() < e.opts.MinFreeBytes/2
}

// FreeSpaceLow reports whether the file system has less free than
// EmbeddedOptions.MinFreeBytes.
func (e *Embedded) FreeSpaceLow() bool { return e.lowDisk.Load() }

// Close stops the broker and gives the directory free. Close the Log first.
func (e *Embedded) Close() error {
	if e.cluster != nil {
		e.cluster.Close()
		e.cluster = nil
	}
	if e.lock == nil {
		return nil
	}
	err := e.lock.Close() // closing unlocks
	e.lock = nil
	return err
}

// probe asks the broker something: it listens before it has loaded its data.
func (e *Embedded) probe(ctx context.Context) error {
	return retry(ctx, func() error {
		rctx, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		t := &segmentio.Transport{ClientID: clientID}
		defer t.CloseIdleConnections()
		if _, err := (&segmentio.Client{Addr: segmentio.TCP(e.addr), Transport: t}).Metadata(rctx, &segmentio.MetadataRequest{}); err != nil {
			return fmt.Errorf("ask it for its topics: %w", err)
		}
		return nil
	})
}

// end returns the offset the next record of a partition will get.
func (e *Embedded) end(topic string, partition int32) (int64, bool) {
	p := e.cluster.PartitionInfo(topic, partition)
	if p == nil {
		return 0, false
	}
	return p.HighWatermark, true
}

// sweep removes what a crash can leave behind and kfake trips over: the
// sequences of idempotent producers, which may be older than the log (every
// start begins new producer sessions anyway), and indexes without a segment.
func sweep(dir string) error {
	if err := os.Remove(filepath.Join(dir, "seq_windows.json")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("sweep: %w", err)
	}
	indexes, err := filepath.Glob(filepath.Join(dir, "partitions", "*", "*.idx"))
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	for _, index := range indexes {
		_, err := os.Stat(strings.TrimSuffix(index, ".idx") + ".dat")
		if errors.Is(err, os.ErrNotExist) {
			err = os.Remove(index)
		}
		if err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
	}
	return nil
}

// brokerLogger passes on what kfake reports as wrong: among it writes to disk
// that failed.
type brokerLogger struct{ logger *slog.Logger }

// Logf implements kfake.Logger.
func (l brokerLogger) Logf(level kfake.LogLevel, format string, args ...any) {
	if level == kfake.LogLevelError || level == kfake.LogLevelWarn {
		l.logger.Warn("embedded broker", "message", fmt.Sprintf(format, args...))
	}
}
