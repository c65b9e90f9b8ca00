package clickhouse

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// openPTY returns both ends of a new pseudo-terminal. The engine needs one:
// without a terminal it ends at the first client that hangs up rudely.
func openPTY() (master, slave *os.File, err error) {
	master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("open a terminal for the engine: %w", err)
	}
	defer func() {
		if err != nil {
			_ = master.Close()
		}
	}()
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return nil, nil, fmt.Errorf("unlock the engine's terminal: %w", err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		return nil, nil, fmt.Errorf("name the engine's terminal: %w", err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("open the engine's terminal: %w", err)
	}
	return master, slave, nil
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

// lastOutput returns the end of what the child printed.
func (e *Engine) lastOutput() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.TrimSpace(string(e.output))
}
