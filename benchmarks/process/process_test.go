package process

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func start(t *testing.T, script string) (*Process, <-chan string) {
	t.Helper()
	p, first, err := Start(filepath.Join(t.TempDir(), "log"), "/bin/sh", "-c", script)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
	})
	return p, first
}

func TestStartAndStop(t *testing.T) {
	p, first := start(t, `trap 'echo more; exit 0' TERM; echo trouble >&2; echo 127.0.0.1:9; while :; do sleep 0.01; done`)
	line, err := p.Await(t.Context(), first)
	if err != nil || line != "127.0.0.1:9" {
		t.Fatalf("first line %q, %v", line, err)
	}
	if err := p.Stop(time.Minute); err != nil {
		t.Error(err)
	}
	if got := p.Tail(); !strings.Contains(got, "trouble") || !strings.Contains(got, "more") {
		t.Errorf("log %q", got)
	}
}

func TestStopReportsAnExitCode(t *testing.T) {
	p, first := start(t, `trap 'exit 3' TERM; echo up; while :; do sleep 0.01; done`)
	if _, err := p.Await(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(time.Minute); err == nil {
		t.Error("exit code 3 is no error")
	}
}

func TestAwaitAProcessThatEnds(t *testing.T) {
	p, first := start(t, `echo no such file >&2`)
	if _, err := p.Await(t.Context(), first); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("ended without a word: %v", err)
	}
}

func TestChildrenMemoryAndProcessorTime(t *testing.T) {
	p, first := start(t, `sleep 60 & echo up; n=0; while [ $n -lt 300000 ]; do n=$((n+1)); done; echo; wait`)
	if _, err := p.Await(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	children, err := Children(p.Pid())
	if err != nil || len(children) != 1 {
		t.Fatalf("children %v, %v; want one", children, err)
	}
	if err := ForgetPeak(children[0]); err != nil {
		t.Fatal(err)
	}
	resident, peak, err := Memory(children[0])
	if err != nil || resident == 0 || peak < resident {
		t.Errorf("memory of the child: %d bytes, at most %d, %v", resident, peak, err)
	}
	child, err := os.FindProcess(children[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Kill(); err != nil { // ends the wait
		t.Fatal(err)
	}
	for used := time.Duration(0); used == 0; {
		if used, err = CPU(os.Getpid()); err != nil {
			t.Fatal(err)
		}
	}
	<-p.Done()
	if _, err := CPU(p.Pid()); err == nil {
		t.Error("a process that is gone has processor time")
	}
}
