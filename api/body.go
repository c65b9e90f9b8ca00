package api

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// DefaultMaxBody is the largest body of our own interfaces, in bytes.
const DefaultMaxBody = 64 << 10

// Room is what a body takes memory from as it comes: true to have n bytes more.
type Room interface{ Take(n int) bool }

// firstPiece is what a body may take before anything of it has come, in bytes.
// From there on it may take as much again as came.
const firstPiece = 64 << 10

// ReadBody reads the request's body into buf, which it returns grown by what
// comes, not by what the sender says will; one that is compressed by gzip, as what it
// is unpacked. room may be nil. Errors: ErrEncoding for another Content-Encoding,
// ErrTooLarge beyond limit bytes (with what was read of it), ErrBody when the sender
// broke off, or what came is no gzip, ErrBusy where there is no room.
func ReadBody(r *http.Request, buf []byte, limit int, room Room) ([]byte, error) {
	buf = buf[:0]
	switch encoding := strings.ToLower(strings.Join(r.Header["Content-Encoding"], ",")); encoding {
	case "", "identity":
	case "gzip", "x-gzip": // the same, RFC 9110, 8.4.1.3
		return readPacked(r, buf, limit, room)
	default:
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

// unpacker reads gzip, with a window of 32 KiB.
type unpacker struct {
	packed bufio.Reader
	text   gzip.Reader
}

var unpackers = sync.Pool{New: func() any { return new(unpacker) }}

// readPacked is ReadBody of a body that is compressed: what it is unpacked takes room as it
// comes, and is bounded as any other is. Of one that unpacks to nothing for ever no more is
// read than the largest one could have. What does not begin as gzip does is taken as it is: who
// stands in between may have unpacked it, and left what was said of it.
func readPacked(r *http.Request, buf []byte, limit int, room Room) ([]byte, error) {
	body := &io.LimitedReader{R: r.Body, N: int64(limit) + firstPiece}
	if r.ContentLength > body.N {
		return buf, fmt.Errorf("%w: %d bytes compressed, at most %d are accepted unpacked", ErrTooLarge, r.ContentLength, limit)
	}
	u := unpackers.Get().(*unpacker)
	defer unpackers.Put(u)
	u.packed.Reset(body)
	defer u.packed.Reset(nil)
	if magic, _ := u.packed.Peek(2); string(magic) != "\x1f\x8b" {
		return ReadToEnd(&u.packed, buf, limit, room)
	}
	err := u.text.Reset(&u.packed)
	if err == nil {
		buf, err = ReadToEnd(&u.text, buf, limit, room)
	} else {
		err = fmt.Errorf("%w: %w", ErrBody, err)
	}
	if body.N == 0 && errors.Is(err, ErrBody) {
		err = fmt.Errorf("%w: at most %d bytes are accepted unpacked", ErrTooLarge, limit)
	}
	return buf, err
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
