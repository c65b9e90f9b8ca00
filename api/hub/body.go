package hub

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/roamclear/roamclear/api"

	"github.com/roamclear/roamclear/ingest"
)

// readOfLarge is how much is read at most of a body that is larger than may be, for
// the answer: many write to the end before they read.
const readOfLarge = 16 << 20

// readBody reads the body of a push.
func (x *exchange) readBody() (err error) {
	limit, setting := x.s.Limits.Of(x.route.object)
	x.hasBody = true
	x.body, err = api.ReadBody(x.r, x.body, limit, x)
	x.read = err == nil
	if errors.Is(err, api.ErrTooLarge) {
		return x.tooLarge(fmt.Errorf("%w (%s)", err, setting))
	}
	x.unmark()
	return err
}

// byteOrderMark is what some programs begin every text with.
var byteOrderMark = []byte("\ufeff")

// unmark leaves out a byte order mark: it is not part of the text (RFC 8259, 8.1), and
// within an answer it would be no JSON.
func (x *exchange) unmark() {
	if bytes.HasPrefix(x.body, byteOrderMark) {
		x.marked = true
		x.body = append(x.body[:0], x.body[len(byteOrderMark):]...)
	}
}

// Take implements [api.Room]: of the partner's share, until the answer is
// written.
func (x *exchange) Take(n int) bool {
	if !x.s.places.bodies.Take(x.partner.ID, int64(n)) {
		return false
	}
	x.held.bytes += int64(n)
	return true
}

// tooLarge keeps the beginning of a body that is larger than may be, and reads
// the rest.
func (x *exchange) tooLarge(reason error) error {
	if x.route.object == 0 || x.route.asks {
		return reason // credentials: there is a token in it; a question: it is not kept
	}
	t, err := x.subject()
	if err != nil {
		return err
	}
	if err := x.beginning(); err != nil {
		return err
	}
	kept := x.body[:min(len(x.body), ingest.KeptOfLarge)]
	left := int64(readOfLarge)
	n, err := io.CopyN(io.Discard, x.r.Body, left)
	x.read = errors.Is(err, io.EOF) // else the connection ends with the answer
	if n < left && !x.read {
		return fmt.Errorf("%w: %w", api.ErrBody, err)
	}
	return x.keep(t, kept, fmt.Errorf("%w; its first %d bytes are kept", reason, len(kept)))
}

// beginning reads what is kept, if it is not read yet.
func (x *exchange) beginning() error {
	if len(x.body) > 0 {
		return nil
	}
	if !x.Take(ingest.KeptOfLarge) {
		return api.ErrBusy
	}
	if cap(x.body) < ingest.KeptOfLarge {
		x.body = make([]byte, 0, ingest.KeptOfLarge)
	}
	n, err := io.ReadFull(x.r.Body, x.body[:ingest.KeptOfLarge])
	x.body = x.body[:n]
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: %w", api.ErrBody, err)
	}
	return nil
}
