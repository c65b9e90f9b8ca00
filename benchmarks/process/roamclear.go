package process

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/roamclear/roamclear/benchmarks/world"
)

// Roamclear is the product under test: one process of bin/roamclear.
type Roamclear struct {
	*Process
	Binary string
	Data   string
	URL    string
	TLS    *tls.Config // what clients come with, see Secure
}

// Serve starts roamclear serve on a data directory and address with further
// arguments. It does not wait.
func Serve(log, binary, data, listen string, args ...string) (*Roamclear, error) {
	all := append([]string{"serve", "--data", data, "--listen", listen, "--log.level", "warn"}, args...)
	p, _, err := Start(log, binary, all...)
	if err != nil {
		return nil, err
	}
	return &Roamclear{Process: p, Binary: binary, Data: data, URL: "http://" + listen}, nil
}

// Secure says that the service was told to serve https, and what clients come with.
func (r *Roamclear) Secure(client *tls.Config) {
	r.URL, r.TLS = strings.Replace(r.URL, "http://", "https://", 1), client
}

// FreeAddress is a loopback address that was free a moment ago. It is below
// the ports that the kernel gives to outgoing connections: while the service is
// down, a client that tries again could be given the very port it dials, and
// would talk to itself.
func FreeAddress() (string, error) {
	var last error
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(12_000)))
		if err == nil {
			return l.Addr().String(), l.Close()
		}
		last = err
	}
	return "", fmt.Errorf("find a free port: %w", last)
}

// Ready waits until the service says that it is and can be found by its data
// directory, or until it ends, or ctx does.
func (r *Roamclear) Ready(ctx context.Context) error {
	client := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{TLSClientConfig: r.TLS}}
	defer client.CloseIdleConnections()
	last := errors.New("not asked yet")
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL+"/readyz", nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err == nil {
			response.Body.Close() //nolint:errcheck // nothing more to read
			err = errors.New(response.Status)
			if response.StatusCode == http.StatusOK {
				if _, err = os.Stat(filepath.Join(r.Data, "service.json")); err == nil {
					return nil
				}
			}
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-r.Done():
			return fmt.Errorf("roamclear ended: %s", r.Tail())
		case <-ctx.Done():
			return fmt.Errorf("wait until roamclear is ready: %w (last: %w): %s", ctx.Err(), last, r.Tail())
		case <-tick.C:
		}
	}
}

// Run runs another command of the binary on the same data directory and
// returns what it prints on standard output.
func (r *Roamclear) Run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, r.Binary, append(args, "--data", r.Data)...)
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(out), fmt.Errorf("roamclear %s: %w: %s%s", strings.Join(args[:min(2, len(args))], " "), err, exit.Stderr, out)
	}
	if err != nil {
		return "", fmt.Errorf("roamclear %s: %w", args[0], err)
	}
	return strings.TrimSpace(string(out)), nil
}

// AddPartner makes a partner of the world known and returns its token.
func (r *Roamclear) AddPartner(ctx context.Context, p world.Partner) (string, error) {
	return r.Run(ctx, "partner", "add", "--role", p.Role, "--country", p.Party.Country, "--party", p.Party.ID, "--name", p.Name)
}

// AddKey makes a key for reports.
func (r *Roamclear) AddKey(ctx context.Context) (string, error) {
	return r.Run(ctx, "key", "add", "--scope", "finance:read")
}
