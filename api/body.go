package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// DefaultMaxBody is the largest body of our own interfaces, in bytes.
const DefaultMaxBody = 64 << 10

// Room is what a body takes memory from as it comes: true to have n bytes more.
type Room interface{ Take(n int) bool }

// firstPiece is what a body may take before anything of it has come, in bytes.
// From there on it may take as much again as came.
const firstPiece = 64 << 10

// ReadBody reads the request's body into buf, which it returns grown by what
// comes, not by what the sender says will. room may be nil. Errors: ErrEncoding
// for one that is compressed, ErrTooLarge beyond limit bytes (with what was read
// of it), ErrBody when the sender broke off, ErrBusy where there is no room.
func ReadBody(r *http.Request, buf []byte, limit int, room Room) ([]byte, error) {
	buf = buf[:0]
	if encoding := strings.Join(r.Header["Content-Encoding"], ","); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return buf, fmt.Errorf("%w (got %q)", ErrEncoding, encoding)
	}
	switch {
	case r.ContentLength > int64(limit):
		return buf, fmt.Errorf("%w: %d bytes, at most %d are accepted", ErrTooLarge, r.ContentLength, limit)
	case r.ContentLength >= 0:
		buf, err := readPieces(r.Body, buf, int(r.ContentLength), room)
		if err != nil {
			return buf[:0], err
		}
		return buf, nil
	}
	return ReadToEnd(r.Body, buf, limit, room)
}

// ReadToEnd is ReadBody of what does not say how much will come.
func ReadToEnd(r io.Reader, buf []byte, limit int, room Room) ([]byte, error) {
	buf, err := readPieces(r, buf[:0], limit+1, room) // one more than may be: it shows that there is more
	switch {
	case errors.Is(err, io.EOF):
		return buf, nil
	case err == nil:
		return buf, fmt.Errorf("%w: at most %d bytes are accepted", ErrTooLarge, limit)
	}
	return buf[:0], err
}

// readPieces reads n bytes behind buf, which is empty, each piece once there is
// room for it. The error is io.EOF where there are fewer, one of ReadBody else.
func readPieces(r io.Reader, buf []byte, n int, room Room) ([]byte, error) {
	for taken := 0; len(buf) < n; {
		next := min(n, max(firstPiece, 2*taken))
		if room != nil && !room.Take(next-taken) {
			return buf[:0], ErrBusy
		}
		taken = next
		buf = grown(buf, taken)
		m, err := fill(r, buf[len(buf):taken])
		buf = buf[:len(buf)+m]
		if len(buf) < taken {
			return buf, fmt.Errorf("%w: %w", ErrBody, err)
		}
	}
	return buf, nil
}

// grown returns buf with room for n bytes in all.
func grown(buf []byte, n int) []byte {
	if cap(buf) >= n {
		return buf
	}
	return append(make([]byte, 0, n), buf...)
}

// fill reads until b is full. Unlike io.ReadFull it tells the end of a body,
// io.EOF, from one that broke off.
func fill(r io.Reader, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = r.Read(b[n:])
		n += m
	}
	return n, err
}
