package rest

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
)

const (
	mimeCSV        = "text/csv"
	csvContentType = "text/csv; charset=utf-8; header=present"
)

// CSV is a table with a header row, written as RFC 4180 wants it, row by row.
type CSV struct {
	// Head are rows that stand before the header, with an empty one behind them. All rows
	// have as many cells as the header.
	Head   [][]string
	Header []string
	Rows   iter.Seq[[]string]
	// Note, where it is not "", is a last row that speaks of the table.
	Note string
}

// Encode writes the header, if there is one, and the rows.
func (t *CSV) Encode(w io.Writer) error {
	out := csv.NewWriter(bufio.NewWriterSize(w, pieceBytes))
	out.UseCRLF = true
	for _, row := range t.Head {
		if err := out.Write(append(row, make([]string, max(0, len(t.Header)-len(row)))...)); err != nil {
			return fmt.Errorf("write csv: %w", err)
		}
	}
	if len(t.Head) > 0 {
		if err := out.Write(make([]string, len(t.Header))); err != nil {
			return fmt.Errorf("write csv: %w", err)
		}
	}
	if t.Header != nil {
		if err := out.Write(t.Header); err != nil {
			return fmt.Errorf("write csv: %w", err)
		}
	}
	for row := range t.Rows {
		if err := out.Write(row); err != nil {
			return fmt.Errorf("write csv: %w", err)
		}
	}
	if t.Note != "" {
		last := make([]string, max(1, len(t.Header)))
		last[0] = t.Note
		if err := out.Write(last); err != nil {
			return fmt.Errorf("write csv: %w", err)
		}
	}
	if out.Flush(); out.Error() != nil {
		return fmt.Errorf("write csv: %w", out.Error())
	}
	return nil
}

// pieceBytes is how much is gathered before it is written.
const pieceBytes = 64 << 10

// CSVHeaders makes the answer a file to be saved under name.
func CSVHeaders(c *gin.Context, name string) {
	c.Header("Content-Type", csvContentType)
	c.Header("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
}

// WriteCSV answers with a table under a file name, row by row.
func WriteCSV(c *gin.Context, name string, table *CSV) {
	CSVHeaders(c, name)
	c.Status(http.StatusOK)
	if err := table.Encode(c.Writer); err != nil {
		_ = c.Error(err) // the client is gone, or does not read: nobody is left to tell
	}
}

// WantsCSV decides between the two forms of a table.
func WantsCSV(c *gin.Context) (bool, error) {
	form, err := formOf(c, gin.MIMEJSON, mimeCSV)
	return form == mimeCSV, err
}

// formOf decides between the forms in which something comes, the first one where none is
// asked for.
func formOf(c *gin.Context, forms ...string) (string, error) {
	c.Header("Vary", "Accept")
	if c.GetHeader("Accept") == "" {
		return forms[0], nil
	}
	if form := c.NegotiateFormat(forms...); form != "" {
		return form, nil
	}
	last := len(forms) - 1
	return "", &Error{Status: http.StatusNotAcceptable, Code: "not_acceptable",
		Message: "this resource comes as " + strings.Join(forms[:last], ", ") + " or, where it is a table, as " + forms[last]}
}

// Cell guards text that a partner chose: a spreadsheet takes a cell that
// starts with one of these for a formula. Figures, which are ours and may
// start with a minus, do not pass here.
func Cell(s string) string {
	if s == "" {
		return s
	}
	switch s[0] {
	case '=', '+', '-', '@', '\t', '\r', '\n':
		return "'" + s
	}
	return s
}
