// Package process runs the programs that benchmarks and crash tests are made
// of: starts them, reads what processor time they used, kills them. It touches
// no process that it did not start.
package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Process is one running program. Its output goes to a file.
type Process struct {
	Name string
	log  string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // valid once done is closed
}

// Start starts a program whose standard error is appended to log. The first
// line that it prints on standard output is sent to the channel, which is
// closed at the end of the output; what follows goes to log, too.
func Start(log, binary string, args ...string) (*Process, <-chan string, error) {
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("open log: %w", err)
	}
	p := &Process{Name: filepath.Base(binary), log: log, done: make(chan struct{})}
	p.cmd = exec.Command(binary, args...)
	p.cmd.Stderr = file
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("start %s: %w", p.Name, err), file.Close())
	}
	if err := p.cmd.Start(); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("start %s: %w", p.Name, err), file.Close())
	}
	first := make(chan string, 1)
	go func() {
		defer close(p.done)
		rest := bufio.NewReader(out)
		if line, err := rest.ReadString('\n'); err == nil {
			first <- strings.TrimSpace(line)
		}
		close(first)
		_, copied := io.Copy(file, rest)
		p.err = errors.Join(p.cmd.Wait(), copied, file.Close())
	}()
	return p, first, nil
}

// Pid is the process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Kill ends the process at once (SIGKILL) and waits until it is gone.
func (p *Process) Kill() error {
	err := p.cmd.Process.Kill()
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill %s: %w", p.Name, err)
	}
	<-p.done
	return nil
}

// Stop asks the process to end (SIGTERM), and kills it after a limit, which is
// an error, as is an exit code other than 0.
func (p *Process) Stop(limit time.Duration) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", p.Name, err)
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.done:
		if p.err != nil {
			return fmt.Errorf("stop %s: %w: %s", p.Name, p.err, p.Tail())
		}
		return nil
	case <-timer.C:
		return errors.Join(fmt.Errorf("stop %s: still there after %s: %s", p.Name, limit, p.Tail()), p.Kill())
	}
}

// Tail is the end of what the process logged.
func (p *Process) Tail() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-600):])
}

// Await waits for a first line of standard output.
func (p *Process) Await(ctx context.Context, first <-chan string) (string, error) {
	select {
	case line, ok := <-first:
		if !ok {
			return "", fmt.Errorf("%s ended without a word: %s", p.Name, p.Tail())
		}
		return line, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// CPU is the processor time that a process has used, in the kernel's ticks of
// 10 ms. Processes it started are not counted.
func CPU(pid int) (time.Duration, error) {
	fields, err := stat(pid)
	if err != nil {
		return 0, err
	}
	var ticks int64
	for _, f := range fields[11:13] { // utime and stime
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read processor time of %d: %w", pid, err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

// Children lists the processes that pid started.
func Children(pid int) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var children []int
	for _, e := range entries {
		n, err := strconv.Atoi(e.Name())
		if err != nil {
			continue // not a process
		}
		fields, err := stat(n)
		if err != nil {
			continue // gone meanwhile
		}
		if fields[1] == strconv.Itoa(pid) {
			children = append(children, n)
		}
	}
	return children, nil
}

// stat returns the fields of /proc/PID/stat after the command's name, which
// may hold anything: state, parent, …
func stat(pid int) ([]string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, fmt.Errorf("read processor time: %w", err)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 13 {
		return nil, fmt.Errorf("read processor time of %d: %d fields", pid, len(fields))
	}
	return fields, nil
}

// Memory is the resident memory of a process in bytes, now and at its highest
// since ForgetPeak.
func Memory(pid int) (resident, peak int64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, fmt.Errorf("read memory: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		into := map[string]*int64{"VmRSS": &resident, "VmHWM": &peak}[name]
		if into == nil {
			continue
		}
		kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("read memory of %d: %w", pid, err)
		}
		*into = kb << 10
	}
	return resident, peak, nil
}

// EngineMemory is the resident memory, in bytes, of what a process started.
func EngineMemory(pid int) (total int64, err error) {
	children, err := Children(pid)
	for _, child := range children {
		resident, _, failed := Memory(child)
		total, err = total+resident, errors.Join(err, failed)
	}
	return total, err
}

// ForgetPeak lets a process's peak of memory begin at what is resident now.
func ForgetPeak(pid int) error {
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0); err != nil {
		return fmt.Errorf("reset the peak of memory: %w", err)
	}
	return nil
}
