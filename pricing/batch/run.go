package batch

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"golang.org/x/sync/errgroup"
)

const (
	// chunkSize is how much text one worker takes at a time.
	chunkSize = 256 << 10
	// MaxLine bounds the length of a line in bytes; a longer one is answered
	// with an error and skipped.
	MaxLine = 16 << 20
)

// Counts says how many lines ended in which Verdict.
type Counts [verdicts]int

// Lines returns the number of lines.
func (c *Counts) Lines() (n int) {
	for _, count := range c {
		n += count
	}
	return n
}

// String writes the counts for a person.
func (c *Counts) String() string {
	lines := "lines"
	if c.Lines() == 1 {
		lines = "line"
	}
	return fmt.Sprintf("%d %s: %d agree, %d differ, %d without totals to compare, %d without a price, %d not readable",
		c.Lines(), lines, c[Agrees], c[Differs], c[Absent], c[Unpriced], c[Bad])
}

// chunk is a run of whole lines on its way from the reader over a worker to
// the writer.
type chunk struct {
	lines  []byte
	first  int  // number of its first line, from 1
	tooBig bool // it stands for one line that was longer than MaxLine
	answer []byte
	counts Counts
	done   chan struct{} // receives once when answered
}

// Run answers every line of in on out, in order, with as many workers at work
// as there are. Memory stays bounded by their number however long in is. It
// returns the first error of reading or writing; what is wrong with a line is
// its answer.
func Run(ctx context.Context, in io.Reader, out io.Writer, defaults Defaults, workers int) (Counts, error) {
	workers = max(workers, 1)
	var total Counts
	pool := sync.Pool{New: func() any { return &chunk{done: make(chan struct{}, 1)} }}
	work := make(chan *chunk)
	order := make(chan *chunk, 2*workers)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(work)
		defer close(order)
		return split(in, &pool, func(c *chunk) error {
			for _, to := range []chan *chunk{order, work} {
				select {
				case to <- c:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		})
	})
	for range workers {
		group.Go(func() error {
			p := NewPricer(defaults)
			for c := range work {
				c.price(p)
				c.done <- struct{}{}
			}
			return nil
		})
	}
	group.Go(func() error {
		for c := range order {
			select {
			case <-c.done:
			case <-ctx.Done():
				return ctx.Err()
			}
			if _, err := out.Write(c.answer); err != nil {
				return fmt.Errorf("write answers: %w", err)
			}
			for v, n := range c.counts {
				total[v] += n
			}
			pool.Put(c)
		}
		return nil
	})
	err := group.Wait()
	return total, err
}

// price answers every line of a chunk.
func (c *chunk) price(p *Pricer) {
	c.answer, c.counts = c.answer[:0], Counts{}
	number := c.first
	if c.tooBig {
		c.answer = p.tooLong(c.answer, number)
		c.counts[Bad]++
		return
	}
	for rest := c.lines; len(rest) > 0; number++ {
		line := rest
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			line, rest = rest[:i], rest[i+1:]
		} else {
			rest = nil
		}
		var verdict Verdict
		c.answer, verdict = p.Line(c.answer, line, number)
		c.counts[verdict]++
	}
}

// split cuts the text into chunks of whole lines and passes them on.
func split(in io.Reader, pool *sync.Pool, emit func(*chunk) error) error {
	line := 1 // the one that comes next
	next := func() *chunk {
		c := pool.Get().(*chunk) // the pool holds nothing else
		c.first, c.tooBig, c.lines = line, false, c.lines[:0]
		return c
	}
	r := bufio.NewReaderSize(in, chunkSize/4)
	for c, start := next(), 0; ; { // start is where the line begins in c
		part, err := r.ReadSlice('\n')
		c.lines = append(c.lines, part...)
		whole := err == nil
		switch {
		case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull):
			return fmt.Errorf("read lines: %w", err)
		case len(bytes.TrimRight(c.lines[start:], "\r\n")) > MaxLine:
			c.lines = c.lines[:start]
			if start > 0 {
				if err := emit(c); err != nil {
					return err
				}
				c = next()
			}
			c.tooBig, c.lines = true, nil
			if err := skipLine(r, whole); err != nil {
				return err
			}
			line++
		case whole:
			start, line = len(c.lines), line+1
			if start < chunkSize && r.Buffered() > 0 {
				continue
			}
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case len(c.lines) == 0:
			return nil
		default:
			return emit(c)
		}
		if err := emit(c); err != nil {
			return err
		}
		c, start = next(), 0
	}
}

// skipLine reads up to and with the next line feed, unless it has been read.
func skipLine(r *bufio.Reader, read bool) error {
	for !read {
		_, err := r.ReadSlice('\n')
		if read = err == nil || errors.Is(err, io.EOF); !read && !errors.Is(err, bufio.ErrBufferFull) {
			return fmt.Errorf("read lines: %w", err)
		}
	}
	return nil
}
