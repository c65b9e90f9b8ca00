package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/benchmarks/peer"
	"github.com/roamclear/roamclear/ocpi"
)

// startPeer runs the command and returns what it prints: its versions URL and
// its token A.
func startPeer(t *testing.T, args ...string) (versions, token string, stop func() error) {
	t.Helper()
	out, in := io.Pipe()
	cmd := newPeerCmd()
	cmd.SetOut(in)
	cmd.SetErr(io.Discard)
	cmd.SetArgs(args)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		err := cmd.ExecuteContext(ctx)
		_ = in.CloseWithError(io.EOF)
		done <- err
	}()
	stop = func() error {
		cancel()
		return <-done
	}
	lines := bufio.NewScanner(out)
	for _, at := range []*string{&versions, &token} {
		if lines.Scan() {
			_, *at, _ = strings.Cut(lines.Text(), " ")
		}
	}
	if token == "" {
		t.Fatalf("peer %q ended: %v", args, stop())
	}
	return versions, token, stop
}

// The command is a party that others can register with, and that registers.
func TestPeerCommand(t *testing.T) {
	versions, token, stop := startPeer(t, "--country", "nl", "--party", "tnm", "--version", "2.3.0", "--fault", "total")
	if resp, err := http.Get(versions); err != nil || resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("GET %s without a token: %v, %v", versions, resp, err)
	}
	_, _, stopOther := startPeer(t, "--role", "EMSP", "--country", "DE", "--party", "EMP", "--version", "2.3.0", "--connect", versions, "--token", token)
	for _, end := range []func() error{stopOther, stop} {
		if err := end(); err != nil {
			t.Errorf("it stopped with %v", err)
		}
	}
	other, err := peer.New(peer.Options{Role: peer.EMSP, Party: ocpi.NewParty("DE", "EMP"), Version: ocpi.V230})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Connect(t.Context(), versions, token); err == nil {
		t.Error("it goes on after it was stopped")
	}
	if _, err := run(t, newPeerCmd(), "--country", "NL", "--party", "TNM", "--connect", versions, "--token", token); err == nil {
		t.Error("it runs on without having registered")
	}
}

// The guide for integration teams works as it is printed, beside an empty service, and has
// the faults that there are.
func TestThePeersGuide(t *testing.T) {
	s := startTest(t, t.TempDir())
	testGuides(t, s, map[string][]string{"peer.md": {"locations 3 ", "cdrs 25 ", "Registered with " + s.url, "true"}})
	text, err := os.ReadFile("../../docs/peer.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range peer.Descriptions() {
		if row := fmt.Sprintf("| `%s` | %s | %s |\n", d.Fault, d.Does, d.Hub); !strings.Contains(string(text), row) {
			t.Errorf("docs/peer.md lacks %s", row)
		}
	}
}
