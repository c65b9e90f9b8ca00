package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// DefaultMaxBody is the largest body accepted by default, in bytes: well
// below the broker's message size, and above the 50 kB that a CDR with signed
// meter values reaches (OCPI 2.2.1 mod_cdrs, SignedData).
const DefaultMaxBody = 64 << 10

// ReadBody reads the request's body into buf, which it returns grown if need
// be. Errors: ErrEncoding for one that is compressed, ErrTooLarge beyond limit
// bytes, ErrBody when the sender broke off.
func ReadBody(r *http.Request, buf []byte, limit int) ([]byte, error) {
	if encoding := strings.Join(r.Header["Content-Encoding"], ","); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return buf[:0], fmt.Errorf("%w (got %q)", ErrEncoding, encoding)
	}
	if r.ContentLength > int64(limit) {
		return buf[:0], fmt.Errorf("%w: %d bytes, at most %d are accepted", ErrTooLarge, r.ContentLength, limit)
	}
	if r.ContentLength >= 0 {
		n := int(r.ContentLength)
		if cap(buf) < n {
			buf = make([]byte, n)
		}
		buf = buf[:n]
		if _, err := io.ReadFull(r.Body, buf); err != nil {
			return buf[:0], fmt.Errorf("%w: %w", ErrBody, err)
		}
		return buf, nil
	}
	return readChunked(r.Body, buf, limit)
}

// readChunked reads a body of unknown length, one byte beyond the limit at
// most.
func readChunked(r io.Reader, buf []byte, limit int) ([]byte, error) {
	if cap(buf) <= limit {
		buf = make([]byte, limit+1)
	}
	buf = buf[:limit+1]
	n, err := io.ReadFull(r, buf)
	switch {
	case err == nil:
		return buf[:0], fmt.Errorf("%w: at most %d bytes are accepted", ErrTooLarge, limit)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF) && n < len(buf):
		return buf[:n], nil
	}
	return buf[:0], fmt.Errorf("%w: %w", ErrBody, err)
}
