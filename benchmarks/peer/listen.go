package peer

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Listen serves the peer on an address of this machine until stop is called, and sets its
// URL. stop returns once nothing is served any more; it does not wait for requests.
func (p *Peer) Listen() (stop func() error, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serve %s: %w", p.options.Party, err)
	}
	p.SetURL("http://" + l.Addr().String())
	server := &http.Server{Handler: p, ReadHeaderTimeout: time.Minute}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	return func() error {
		closed := server.Close()
		served := <-done
		if errors.Is(served, http.ErrServerClosed) {
			served = nil
		}
		return errors.Join(closed, served)
	}, nil
}
