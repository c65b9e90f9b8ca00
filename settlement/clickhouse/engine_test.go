package clickhouse

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/settlement"
	"golang.org/x/sys/unix"
)

// startEngine starts an engine of the test's own.
func startEngine(t *testing.T, dir string) *Engine {
	t.Helper()
	e, err := StartEngine(t.Context(), EngineOptions{Dir: dir, Library: engine.opts.Library, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopEngine(t, e) })
	return e
}

func stopEngine(t *testing.T, e *Engine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := e.Close(ctx); err != nil {
		t.Error(err)
	}
}

// await polls until the condition holds; the test's deadline bounds it.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for !condition() {
		select {
		case <-t.Context().Done():
			t.Fatalf("%s: %v", what, t.Context().Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// A SIGKILL of the child in the middle of inserts loses nothing and counts
// nothing twice: inserts are sent again by the store, and by the caller where
// the store gives up.
func TestKilledDuringInserts(t *testing.T) {
	const rounds, batches, rows = 10, 3, 400
	e := startEngine(t, t.TempDir())
	s := openStore(t, e, EngineDatabase)
	defer s.Close()
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	var written atomic.Int64
	var wg sync.WaitGroup
	for partition := range int32(2) {
		wg.Go(func() {
			for i := range int64(rounds * batches) {
				b := manyRows(t, partition, i*rows, rows)
				for {
					err := s.WriteCDRs(t.Context(), b)
					if err == nil {
						break
					}
					if !errors.Is(err, settlement.ErrUnavailable) {
						t.Errorf("insert while the engine is killed: %v", err)
						return
					}
				}
				written.Add(1)
			}
		})
	}
	for round := range int64(rounds) {
		await(t, "writes go on", func() bool { return t.Failed() || written.Load() >= round*batches*2 })
		await(t, "the engine is up", func() bool { return t.Failed() || e.Healthy() && e.Pid() != 0 })
		if pid := e.Pid(); pid != 0 {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Errorf("kill the engine: %v", err)
			}
		}
	}
	wg.Wait()
	const want = 2 * rounds * batches * rows
	for _, table := range []string{"records", "cdrs", "results"} {
		if n := count(t, s, "SELECT count() FROM "+table+" FINAL"); n != want {
			t.Errorf("%s: %d rows, want %d", table, n, want)
		}
	}
	rows1, err := s.Settlement(t.Context(), settlement.SettlementQuery{})
	if err != nil || len(rows1) != 1 || rows1[0].Claimed.Excl.String() != fmt.Sprint(want*10) {
		t.Errorf("claimed %s, %v", rowsText(rows1), err)
	}
	for partition := range int32(2) {
		if next, err := s.Checkpoint(t.Context(), cdrsOf(partition)); err != nil || next != rounds*batches*rows {
			t.Errorf("checkpoint %d, %v", next, err)
		}
	}
}

// manyRows returns a batch of n distinct CDRs of 10.00 each.
func manyRows(tb testing.TB, partition int32, first int64, n int) *pricing.Batch {
	b := batchOf(tb, partition, first, "GB*DUN NL*EXW x 2019-01-15 GBP 10.00/12.00 priced 10.00/12.00 VAT:20=2.00")
	template := b.Rows[0]
	b.Rows = make([]pricing.Row, n)
	for i := range b.Rows {
		b.Rows[i] = template
		b.Rows[i].Record.Offset = first + int64(i)
		b.Rows[i].ID = fmt.Sprintf("%d-%d", partition, first+int64(i))
		b.Rows[i].Record.Key.ID = b.Rows[i].ID
	}
	b.Next = first + int64(n)
	return b
}

func TestSecondStartOnOneDirectory(t *testing.T) {
	dir := t.TempDir()
	e := startEngine(t, dir)
	_, err := StartEngine(t.Context(), EngineOptions{Dir: dir, Library: engine.opts.Library})
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fmt.Sprintf("pid %d", os.Getpid())) {
		t.Errorf("second start: %v, want ErrLocked that names us", err)
	}
	s := openStore(t, e, EngineDatabase)
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(t, s, batchOf(t, 0, 0, january))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	stopEngine(t, e)
	s = openStore(t, startEngine(t, dir), EngineDatabase)
	defer s.Close()
	if got := settle(t, s, settlement.SettlementQuery{To: month(2019, time.January)}); got != januarySettled {
		t.Errorf("after a stop and a start:\n%s", got)
	}
}

// Close stops in order, without the fixed 5 s that an open pool costs: none of
// our own code leaves a connection open.
func TestStopIsInOrder(t *testing.T) {
	e := startEngine(t, t.TempDir())
	s := openStore(t, e, EngineDatabase)
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// Not a timing assertion: an order that is not obeyed ends in a kill,
	// which Close reports as an error.
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	if err := e.Close(ctx); err != nil {
		t.Error(err)
	}
}

func TestRudeDisconnects(t *testing.T) {
	e := startEngine(t, t.TempDir())
	pid := e.Pid()
	for range 100 {
		c, err := net.Dial("tcp", e.Addr())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte("\x00\x0aroamclear")); err != nil {
			t.Fatal(err)
		}
		if err := c.(*net.TCPConn).SetLinger(0); err != nil { // RST instead of FIN
			t.Fatal(err)
		}
		c.Close()
	}
	s := openStore(t, e, EngineDatabase)
	defer s.Close()
	if err := s.Migrate(t.Context()); err != nil {
		t.Error(err)
	}
	if e.Pid() != pid {
		t.Errorf("the engine was restarted: pid %d, then %d", pid, e.Pid())
	}
}

// A full disk is an error to the writer, not a checkpoint; once there is room
// again, the same batch goes in. The engine refuses by itself, and below half
// of what must stay free the store does.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		t.Fatal(err)
	}
	free := fs.Bavail * uint64(fs.Bsize)
	stored := int64(0)
	for _, step := range []struct {
		keep uint64
		want string
	}{{0, ""}, {free + free/2, "code: 243"}, {4 * free, "must stay free"}, {0, ""}} {
		e, err := StartEngine(t.Context(), EngineOptions{Dir: dir, Library: engine.opts.Library, KeepFree: step.keep})
		if err != nil {
			t.Fatal(err)
		}
		s := openStore(t, e, EngineDatabase)
		if err := s.Migrate(t.Context()); err != nil {
			t.Error(err)
		}
		b := manyRows(t, 0, stored, 500)
		if step.want == "" {
			write(t, s, b)
			stored += 500
		} else if err := s.WriteCDRs(t.Context(), b); !errors.Is(err, settlement.ErrUnavailable) || !strings.Contains(err.Error(), step.want) {
			t.Errorf("%d bytes to be kept free: %v, want ErrUnavailable with %q", step.keep, err, step.want)
		}
		if next, err := s.Checkpoint(t.Context(), cdrsOf(0)); err != nil || next != stored {
			t.Errorf("checkpoint %d, %v; want %d", next, err, stored)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		stopEngine(t, e)
	}
}

// The engine's own session, and whoever else reaches its port without a
// password, can neither read nor write anything.
func TestPasswordlessUserIsShut(t *testing.T) {
	s := newStore(t)
	write(t, s, batchOf(t, 0, 0, january))
	open := func(o Options) *Store {
		conn, err := ch.Open(connOptions(o, ""))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return &Store{conn: conn}
	}
	def := open(Options{Addr: []string{engine.Addr()}, User: "default"})
	for _, q := range []string{"SELECT * FROM " + s.db + ".records", "CREATE DATABASE x", "SELECT * FROM file('/etc/passwd', LineAsString)", "SYSTEM SHUTDOWN"} {
		if err := def.conn.Exec(t.Context(), q); err == nil {
			t.Errorf("default may: %s", q)
		}
	}
	o := engine.Options()
	app := open(o)
	for _, q := range []string{
		"CREATE TABLE " + s.db + ".f (l String) ENGINE = File(LineAsString, '/etc/passwd')",
		"CREATE TABLE " + s.db + ".u (l String) ENGINE = URL('http://127.0.0.1:1/', LineAsString)",
		"SELECT * FROM file('/etc/passwd', LineAsString)", "SELECT * FROM url('http://127.0.0.1:1/', LineAsString)",
		"CREATE DATABASE elsewhere", "SYSTEM SHUTDOWN",
	} {
		if err := app.conn.Exec(t.Context(), q); err == nil {
			t.Errorf("%s may: %s", o.User, q)
		}
	}
	o.Password = "wrong"
	if err := open(o).conn.Ping(t.Context()); err == nil {
		t.Error("any password will do")
	}
}

// parentVariable makes this test binary start an engine and wait to be killed.
const parentVariable = "ROAMCLEAR_TEST_ENGINE_PARENT"

// When our process dies, however it dies, the engine goes too, and the
// directory opens again at once.
func TestParentKilled(t *testing.T) {
	if dir := os.Getenv(parentVariable); dir != "" {
		e := startEngine(t, dir)
		fmt.Printf("engine %d\n", e.Pid())
		<-t.Context().Done()
		return
	}
	dir := filepath.Join(t.TempDir(), "engine")
	parent := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestParentKilled$", "-test.v")
	parent.Env = append(os.Environ(), parentVariable+"="+dir, "TMPDIR="+t.TempDir()) // it cannot clean up
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	pid := 0
	for lines := bufio.NewScanner(out); pid == 0 && lines.Scan(); {
		_, _ = fmt.Sscanf(lines.Text(), "engine %d", &pid)
	}
	if pid == 0 {
		t.Fatal("the parent started no engine")
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	await(t, "the engine is gone", func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) || isZombie(pid) })
	startEngine(t, dir)
}

// isZombie reports whether only the exit code of a process is left.
func isZombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}
