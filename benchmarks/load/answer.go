package load

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
)

// connection is one kept-alive connection with what was pushed over it.
type connection struct {
	mu     sync.Mutex // guards net and ended against end
	net    net.Conn
	ended  bool
	closes bool // the last answer ended the connection
	out    []byte
	in     []byte

	acknowledged int
	bytes        int64
	status       map[string]int
	latency      Histogram
}

// maxAnswer bounds one answer.
const maxAnswer = 64 << 10

var (
	endOfHead     = []byte("\r\n\r\n")
	contentLength = []byte("\r\ncontent-length:")
	closing       = []byte("\r\nconnection: close")
	statusCode    = []byte(`"status_code":`)
)

// answer reads one whole answer: HTTP status and OCPI status code (0 where
// the body has none). Only answers with a length are understood.
func (c *connection) answer() (http, code int, err error) {
	c.in = c.in[:0]
	head := -1
	for head < 0 {
		if err := c.read(); err != nil {
			return 0, 0, err
		}
		head = bytes.Index(c.in, endOfHead)
	}
	if len(c.in) < len("HTTP/1.1 200") || !bytes.HasPrefix(c.in, []byte("HTTP/1.1 ")) {
		return 0, 0, fmt.Errorf("not an HTTP answer: %.60q", c.in)
	}
	if http, err = strconv.Atoi(string(c.in[9:12])); err != nil {
		return 0, 0, fmt.Errorf("HTTP status: %w", err)
	}
	headers := bytes.ToLower(c.in[:head+2])
	length, err := bodyLength(headers)
	if err != nil {
		return 0, 0, err
	}
	c.closes = bytes.Contains(headers, closing)
	for len(c.in) < head+4+length {
		if err := c.read(); err != nil {
			return 0, 0, err
		}
	}
	body := c.in[head+4 : head+4+length]
	if at := bytes.Index(body, statusCode); at >= 0 {
		code = leadingInt(bytes.TrimLeft(body[at+len(statusCode):], " "))
	}
	return http, code, nil
}

func bodyLength(head []byte) (int, error) {
	at := bytes.Index(head, contentLength)
	if at < 0 {
		return 0, errors.New("an answer without Content-Length")
	}
	n := leadingInt(bytes.TrimLeft(head[at+len(contentLength):], " "))
	if n > maxAnswer {
		return 0, fmt.Errorf("an answer of %d bytes", n)
	}
	return n, nil
}

// read appends what the server sent next.
func (c *connection) read() error {
	if len(c.in) == cap(c.in) {
		if cap(c.in) > maxAnswer {
			return errors.New("an answer without an end")
		}
		c.in = append(make([]byte, 0, 2*cap(c.in)), c.in...)
	}
	n, err := c.net.Read(c.in[len(c.in):cap(c.in)])
	c.in = c.in[:len(c.in)+n]
	if n > 0 {
		return nil
	}
	return err
}

func leadingInt(b []byte) int {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' || n > maxAnswer {
			break
		}
		n = 10*n + int(c-'0')
	}
	return n
}
