package clickhouse

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sys/unix"
)

// The engine's user and database. The user may also use databases whose names
// begin with EngineDatabase: tests take one each.
const (
	EngineUser     = "roamclear"
	EngineDatabase = "roamclear"
)

// Bounds of the engine's life.
const (
	defaultMaxMemory = 2 << 30
	defaultKeepFree  = 512 << 20
	readyTimeout     = time.Minute
	readyPoll        = 20 * time.Millisecond
	stopPoll         = 200 * time.Millisecond
	firstStarts      = 3
	minBackoff       = 100 * time.Millisecond
	maxBackoff       = 5 * time.Second
	steadyAfter      = time.Second // up that long: the next back-off starts anew
	outputKept       = 4096
)

// EngineOptions say how to run the embedded engine.
type EngineOptions struct {
	Dir       string // the engine's own directory; made when it does not exist
	Library   string // as FetchEngine returns it
	Exe       string // binary that calls MaybeRunChild; "" is the running one
	MaxMemory int64  // bytes the engine may use; 0 is 2 GiB
	KeepFree  uint64 // bytes of the disk that stay free; 0 is 512 MiB
	Logger    *slog.Logger

	Registerer prometheus.Registerer // nil: nobody counts

	grants []Grant // of its user; nil: engineGrants
}

// Engine is a ClickHouse in a child process that is started again whenever it
// ends unasked. Its address and password stay the same over restarts.
type Engine struct {
	opts              EngineOptions
	files             engineFiles
	log               *slog.Logger
	lock              *os.File
	tcpPort, httpPort int
	password          string

	stopping atomic.Bool
	ready    atomic.Bool
	pid      atomic.Int64
	restarts prometheus.Counter
	stop     chan struct{} // closed by Close
	done     chan struct{} // closed when the child is gone for good

	mu     sync.Mutex // guards master and output
	master *os.File   // terminal of the running child
	output []byte     // the last of what the child printed
}

// StartEngine takes the directory's lock, starts the engine and returns when
// it answers. It returns an error that wraps ErrLocked when another process
// uses the directory. The caller must Close it, after every client's pool.
func StartEngine(ctx context.Context, opts EngineOptions) (*Engine, error) {
	dir, err := filepath.Abs(opts.Dir)
	if err != nil {
		return nil, fmt.Errorf("find the engine's directory: %w", err)
	}
	opts.Dir = dir
	if opts.Exe == "" {
		if opts.Exe, err = os.Executable(); err != nil {
			return nil, fmt.Errorf("find our own binary to run the engine with: %w", err)
		}
	}
	if opts.MaxMemory == 0 {
		opts.MaxMemory = defaultMaxMemory
	}
	if opts.grants == nil {
		opts.grants = engineGrants()
	}
	if opts.KeepFree == 0 {
		opts.KeepFree = defaultKeepFree
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the engine's directory: %w", err)
	}
	e := &Engine{
		opts: opts, files: filesBelow(dir), log: opts.Logger, password: rand.Text(),
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	e.register()
	if e.lock, err = lockFile(e.files.lock, false); err != nil {
		return nil, fmt.Errorf("take the engine's data directory: %w", err)
	}
	child, err := e.firstStart(ctx)
	if err != nil {
		_ = e.lock.Close()
		return nil, err
	}
	go e.supervise(child)
	return e, nil
}

// register makes the metrics of the child: how often it was started again, and its
// process's, under roamclear_engine_process_….
func (e *Engine) register() {
	e.restarts = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "roamclear_engine_restarts_total", Help: "Starts of the embedded engine after it had ended unasked."})
	if e.opts.Registerer == nil {
		return
	}
	e.opts.Registerer.MustRegister(e.restarts, collectors.NewProcessCollector(collectors.ProcessCollectorOpts{
		Namespace: "roamclear_engine",
		PidFn: func() (int, error) {
			if pid := e.Pid(); pid != 0 {
				return pid, nil
			}
			return 0, errors.New("the engine does not run")
		},
	}))
}

// firstStart starts the child on ports that were free a moment ago; when
// somebody else took one in between, the child ends and other ports are tried.
func (e *Engine) firstStart(ctx context.Context) (*child, error) {
	var err error
	for range firstStarts {
		if e.tcpPort, e.httpPort, err = freePorts(); err != nil {
			return nil, err
		}
		if err = e.writeConfig(); err != nil {
			return nil, err
		}
		var c *child
		if c, err = e.startChild(); err != nil {
			return nil, err
		}
		if err = e.awaitReady(ctx, c); err == nil {
			return c, nil
		}
		c.kill()
		if ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("start the ClickHouse engine (see %s): %w", e.files.log, err)
}

// supervise restarts the child until Close. Whoever writes meanwhile gets
// connection errors and tries again: nothing is lost, inserts are atomic.
func (e *Engine) supervise(c *child) {
	defer close(e.done)
	backoff, started := minBackoff, time.Now()
	for {
		<-c.exited
		e.ready.Store(false)
		e.pid.Store(0)
		if e.stopping.Load() {
			return
		}
		if time.Since(started) > steadyAfter {
			backoff = minBackoff
		}
		e.log.Error("engine ended, restarting it", "error", c.err, "backoff", backoff, "output", e.lastOutput())
		for c = nil; c == nil; backoff = min(2*backoff, maxBackoff) {
			select {
			case <-e.stop:
				return
			case <-time.After(backoff):
			}
			next, err := e.startChild()
			if err != nil {
				e.log.Error("engine does not start", "error", err)
				continue
			}
			if err := e.awaitReady(context.Background(), next); err != nil {
				next.kill()
				e.log.Error("engine does not answer", "error", err, "output", e.lastOutput())
				continue
			}
			c = next
		}
		started = time.Now()
		e.restarts.Inc()
		e.log.Info("engine is back", "pid", e.Pid())
	}
}

// awaitReady returns when the engine answers a ping.
func (e *Engine) awaitReady(ctx context.Context, c *child) error {
	conn, err := ch.Open(&ch.Options{
		Addr: []string{e.Addr()}, Auth: ch.Auth{Username: EngineUser, Password: e.password},
		DialTimeout: time.Second, MaxOpenConns: 1, MaxIdleConns: 1,
	})
	if err != nil {
		return err
	}
	// An open connection would make every stop take 5 s.
	defer conn.Close() //nolint:errcheck // nothing was asked through it
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	for {
		pinged := conn.Ping(ctx)
		if pinged == nil {
			e.ready.Store(true)
			return nil
		}
		select {
		case <-c.exited:
			return fmt.Errorf("the engine ended while starting: %w: %s", c.err, e.lastOutput())
		case <-e.stop:
			return errors.New("stopped while starting")
		case <-ctx.Done():
			return fmt.Errorf("no answer: %w (%w)", pinged, ctx.Err())
		case <-tick.C:
		}
	}
}

// Addr returns host:port of the native protocol.
func (e *Engine) Addr() string { return fmt.Sprintf("127.0.0.1:%d", e.tcpPort) }

// HTTPAddr returns host:port of the HTTP interface.
func (e *Engine) HTTPAddr() string { return fmt.Sprintf("127.0.0.1:%d", e.httpPort) }

// Options returns what Open needs to use the engine.
func (e *Engine) Options() Options {
	return Options{
		Addr: []string{e.Addr()}, Database: EngineDatabase, User: EngineUser, Password: e.password,
		CheckSpace: e.checkSpace,
	}
}

// checkSpace refuses to write when the disk is nearly full. ClickHouse 26.7
// as this library does not report a write that fails in the middle of a part
// (measured with a file-size limit and with a tmpfs filled meanwhile: the
// insert is acknowledged, the part cannot be read). So it must not come to
// that: the engine starts no insert and no merge that would leave less than
// KeepFree, and we neither write nor call a batch stored below half of it.
func (e *Engine) checkSpace() error {
	var fs unix.Statfs_t
	if err := unix.Statfs(e.files.data, &fs); err != nil {
		return fmt.Errorf("ask for free space in %s: %w", e.files.data, err)
	}
	if free := fs.Bavail * uint64(fs.Bsize); free < e.opts.KeepFree/2 {
		return fmt.Errorf("%d MB free in %s, %d MB must stay free: make room on the disk", free>>20, e.files.data, e.opts.KeepFree>>20)
	}
	return nil
}

// Pid returns the child's process id, 0 while there is none.
func (e *Engine) Pid() int { return int(e.pid.Load()) }

// Healthy reports whether the engine has answered since its last start.
func (e *Engine) Healthy() bool { return e.ready.Load() }

// Close stops the engine in order, or kills it when ctx ends first. Close
// every client's pool before: an open connection costs a fixed 5 s.
func (e *Engine) Close(ctx context.Context) error {
	if e.stopping.Swap(true) {
		<-e.done
		return nil
	}
	close(e.stop)
	tick := time.NewTicker(stopPoll)
	defer tick.Stop()
	for {
		e.typeEOF()
		select {
		case <-e.done:
			return e.lock.Close()
		case <-ctx.Done():
			if pid := e.Pid(); pid != 0 {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
			<-e.done
			return errors.Join(fmt.Errorf("stop the engine in time, killed it instead: %w", ctx.Err()), e.lock.Close())
		case <-tick.C:
		}
	}
}

// typeEOF tells the child to end, as a person at its terminal would. A child
// that has not come to its prompt yet may miss it, so it is typed again.
func (e *Engine) typeEOF() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.master != nil {
		_, _ = e.master.Write([]byte{4})
	}
}

func freePorts() (tcp, http int, err error) {
	var ports [2]int
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, 0, fmt.Errorf("find a free port for the engine: %w", err)
		}
		defer l.Close() //nolint:errcheck // held only so that the two differ
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports[0], ports[1], nil
}
