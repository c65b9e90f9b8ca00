package report

import (
	"encoding/csv"
	"fmt"
	"io"

	"github.com/gin-gonic/gin"
)

const csvContentType = "text/csv; charset=utf-8; header=present"

// CSV is a table with a header row, written as RFC 4180 wants it.
type CSV struct {
	Header []string
	Rows   [][]string
}

// Encode writes the header, if there is one, and the rows.
func (t *CSV) Encode(w io.Writer) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	if t.Header != nil {
		if err := out.Write(t.Header); err != nil {
			return fmt.Errorf("write csv: %w", err)
		}
	}
	if err := out.WriteAll(t.Rows); err != nil {
		return fmt.Errorf("write csv: %w", err)
	}
	return nil
}

// CSVHeaders makes the answer a file to be saved under name.
func CSVHeaders(c *gin.Context, name string) {
	c.Header("Content-Type", csvContentType)
	c.Header("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
}

// cell guards text that a partner chose: a spreadsheet takes a cell that
// starts with one of these for a formula. Figures, which are ours and may
// start with a minus, do not pass here.
func cell(s string) string {
	if s == "" {
		return s
	}
	switch s[0] {
	case '=', '+', '-', '@', '\t', '\r', '\n':
		return "'" + s
	}
	return s
}
