package main

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// command is the roamclear command as a process of its own.
func command(t *testing.T, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Env = append(os.Environ(), "ROAMCLEAR_TEST_COMMAND=1")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	return cmd, &out
}

func TestServeAsAProcess(t *testing.T) {
	data := t.TempDir()
	serve, out := command(t, "serve", "--data", data, "--listen", "127.0.0.1:0")
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	s := &testService{t: t, data: data, tokens: map[string]string{}}
	s.eventually("the service says where it is", func() bool {
		info, err := readService(data)
		s.url = info.URL
		return err == nil
	})
	s.eventually("the service is ready", func() bool { return s.request("GET", "/readyz", "", "").status == http.StatusOK })

	second, text := command(t, "serve", "--data", data, "--listen", "127.0.0.1:0")
	var exit *exec.ExitError
	if err := second.Run(); !errors.As(err, &exit) || exit.ExitCode() != exitInUse || !strings.Contains(text.String(), "in use by another roamclear process") {
		t.Errorf("a second service on the directory: %v, want exit code %d and why:\n%s", err, exitInUse, text)
	}

	s.partner("CPO", "GB", "DUN")
	s.partner("EMSP", "NL", "EXW")
	s.financeKey()
	s.accepted("GB*DUN", "PUT", "/receiver/tariffs/GB/DUN/T1", testTariff)
	s.accepted("GB*DUN", "PUT", "/receiver/locations/GB/DUN/L1", testLocation)
	s.accepted("GB*DUN", "POST", cdrs, testCDR("c-1", "EXW", "T1", "7.00", "8.40"))

	// Killed in the middle, everything acknowledged is there afterwards.
	if err := serve.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = serve.Wait() // it was killed
	again, out2 := command(t, "serve", "--data", data, "--listen", "127.0.0.1:0")
	if err := again.Start(); err != nil {
		t.Fatal(err)
	}
	s.eventually("the service is back", func() bool {
		info, err := readService(data)
		if err != nil || info.PID != again.Process.Pid {
			return false
		}
		s.url = info.URL
		return s.request("GET", "/readyz", "", "").status == http.StatusOK
	})
	s.stored(1)
	s.accepted("GB*DUN", "GET", "/receiver/tariffs/GB/DUN/T1", "")

	if err := again.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := again.Wait(); err != nil {
		t.Errorf("ordered stop: %v\n%s\n%s", err, out, out2)
	}
	if _, err := os.Stat(filepath.Join(data, serviceFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after an ordered stop the service file is still there: %v", err)
	}
	verified(t, data)
}
