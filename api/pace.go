package api

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// Pace is how fast an answer must be read: each piece of Bytes within Time, or
// the connection is broken. What is not read is held here, with the place of
// its request, so nobody may let it wait. The zero value is 64 KiB in 10 s.
type Pace struct {
	Bytes int
	Time  time.Duration
}

func (p Pace) orStandard() Pace {
	if p.Bytes == 0 {
		p.Bytes = 64 << 10
	}
	if p.Time == 0 {
		p.Time = 10 * time.Second
	}
	return p
}

// Keep makes the answers of a request keep the pace, and lifts the deadline of
// reading from one without a body: it would cut off an answer that takes longer.
func (p Pace) Keep(c *gin.Context) {
	c.Writer = &pacedWriter{ResponseWriter: c.Writer, pieces: p.pieces(c.Writer)}
	if c.Request.Method == http.MethodGet || c.Request.Method == http.MethodHead {
		// A connection that cannot be told is broken, and the write will say so.
		_ = http.NewResponseController(c.Writer).SetReadDeadline(time.Time{})
	}
}

// Writer returns a buffered writer that keeps the pace; Flush ends the answer.
func (p Pace) Writer(w http.ResponseWriter) *bufio.Writer {
	p = p.orStandard()
	return bufio.NewWriterSize(p.pieces(w), p.Bytes)
}

func (p Pace) pieces(w http.ResponseWriter) *pieces {
	return &pieces{Pace: p.orStandard(), w: w, control: http.NewResponseController(w)}
}

// pieces writes in pieces, each with a deadline of its own.
type pieces struct {
	Pace
	w       io.Writer
	control *http.ResponseController
}

func (p *pieces) Write(b []byte) (n int, err error) {
	for {
		piece := b[n:min(len(b), n+p.Bytes)]
		if err := p.control.SetWriteDeadline(time.Now().Add(p.Time)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return n, fmt.Errorf("set write deadline: %w", err)
		}
		m, err := p.w.Write(piece)
		n += m
		if err != nil || n == len(b) {
			return n, err
		}
	}
}

// pacedWriter is a gin writer that keeps the pace.
type pacedWriter struct {
	gin.ResponseWriter
	pieces *pieces
}

// Write implements io.Writer.
func (w *pacedWriter) Write(b []byte) (int, error) { return w.pieces.Write(b) }

// WriteString implements io.StringWriter.
func (w *pacedWriter) WriteString(s string) (int, error) { return w.pieces.Write([]byte(s)) }

// Unwrap lets an http.ResponseController reach the connection.
func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
