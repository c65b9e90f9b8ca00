package rest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/gin-gonic/gin"
)

// Encoder is a list, or a page of one, as a file has it.
type Encoder interface{ Encode(w io.Writer) error }

// JSONL is a list with one JSON object a line, as its items are in the API.
type JSONL iter.Seq[any]

// Encode writes the items.
func (l JSONL) Encode(w io.Writer) error {
	out := bufio.NewWriterSize(w, pieceBytes)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for item := range l {
		if err := enc.Encode(item); err != nil {
			return fmt.Errorf("write jsonl: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write jsonl: %w", err)
	}
	return nil
}

// JSONLOf are items as lines.
func JSONLOf[T, V any](items []T, line func(*T) V) JSONL {
	return func(yield func(any) bool) {
		for i := range items {
			if !yield(line(&items[i])) {
				return
			}
		}
	}
}

// FileHeaders makes the answer a file to be saved under name, which says what it is.
func FileHeaders(c *gin.Context, name string) {
	CSVHeaders(c, name)
	if strings.HasSuffix(name, ".jsonl") {
		c.Header("Content-Type", "application/jsonl; charset=utf-8")
	}
}
