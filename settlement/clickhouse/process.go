package clickhouse

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"unicode"
)

// child is one run of the engine's process. err is valid once exited is closed.
type child struct {
	cmd    *exec.Cmd
	exited chan struct{}
	err    error
}

func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	<-c.exited
}

// startChild starts the engine's process on a terminal of its own.
func (e *Engine) startChild() (*child, error) {
	master, slave, err := openPTY()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(e.opts.Exe, childCommand, e.opts.Library, e.files.config, e.files.data)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.Dir = e.opts.Dir
	cmd.Env = []string{"HOME=" + e.opts.Dir, "TERM=dumb", "TZ=UTC", "LC_ALL=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0, Pdeathsig: syscall.SIGKILL}
	c := &child{cmd: cmd, exited: make(chan struct{})}
	started := make(chan error)
	go runOnOwnThread(c, started)
	err = <-started
	_ = slave.Close()
	if err != nil {
		_ = master.Close()
		return nil, fmt.Errorf("start %s: %w", e.opts.Exe, err)
	}
	e.pid.Store(int64(cmd.Process.Pid))
	e.mu.Lock()
	e.master, e.output = master, nil
	e.mu.Unlock()
	go e.drain(master)
	if e.stopping.Load() { // Close did not see this terminal
		_ = cmd.Process.Kill()
	}
	return c, nil
}

// runOnOwnThread starts the child and waits for it on one thread that lives as
// long as the child: the kernel sends Pdeathsig when the starting *thread*
// ends, and the Go runtime ends idle threads as it likes.
func runOnOwnThread(c *child, started chan<- error) {
	runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
	if err := c.cmd.Start(); err != nil {
		started <- err
		return
	}
	started <- nil
	err := c.cmd.Wait()
	if err == nil {
		// Errors at the engine's start come out with exit code 0.
		err = errors.New("it ended without being asked to")
	}
	c.err = err
	close(c.exited)
}

// drain reads the child's terminal until the child is gone, so that the child
// never blocks on printing, and keeps the last of it for error messages.
func (e *Engine) drain(master *os.File) {
	buf := make([]byte, 1024)
	for {
		n, err := master.Read(buf)
		e.mu.Lock()
		if e.master == master {
			e.output = append(e.output, buf[:n]...)
			if len(e.output) > outputKept {
				e.output = append(e.output[:0], e.output[len(e.output)-outputKept:]...)
			}
			if err != nil {
				e.master = nil
			}
		}
		e.mu.Unlock()
		if err != nil {
			_ = master.Close()
			return
		}
	}
}

// lastOutput returns the end of what the child printed, as text.
func (e *Engine) lastOutput() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return plainText(e.output)
}

// escapes are what a terminal would obey instead of showing: colours, moves of the
// cursor, titles.
var escapes = regexp.MustCompile(`\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[ -/]*[0-Z\\-~])`)

// plainText is what a terminal would show of b, which may begin in the middle of a
// line: only lines that are whole, where there are any.
func plainText(b []byte) string {
	if len(b) >= outputKept {
		if _, rest, ok := bytes.Cut(b, []byte("\n")); ok {
			b = rest
		}
	}
	text := strings.ToValidUTF8(string(escapes.ReplaceAll(b, nil)), "")
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, text)
	return strings.TrimSpace(text)
}
