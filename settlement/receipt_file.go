package settlement

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// ReceiptFileError says what of a file of receipts cannot be read.
type ReceiptFileError struct {
	Line   int
	Field  string // "" of the line as a whole
	Reason string
}

// Error names the line and the field.
func (e *ReceiptFileError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("line %d: %s", e.Line, e.Reason)
	}
	return fmt.Sprintf("line %d: %s: %s", e.Line, e.Field, e.Reason)
}

// maxReceiptLine bounds a line of a file of receipts, in bytes.
const maxReceiptLine = 64 << 10

// ReadReceipts reads a file of receipts, in which each is a line: CSV with a header that
// names ReceiptFields in any order, or a JSON object each with these members. It calls
// fn for each in turn. What the file says that cannot be read is a *ReceiptFileError.
func ReadReceipts(r io.Reader, fn func(line int, r *Receipt) error) error {
	in := bufio.NewReaderSize(r, maxReceiptLine)
	if mark, err := in.Peek(3); err == nil && bytes.Equal(mark, []byte("\xef\xbb\xbf")) { // what spreadsheets begin UTF-8 with
		_, _ = in.Discard(len(mark))
	}
	f := receiptFile{in: in, fn: fn}
	first, err := f.next()
	switch {
	case errors.Is(err, io.EOF):
		return &ReceiptFileError{Line: 1, Reason: "the file is empty: want a header, " + strings.Join(ReceiptFields[:], ",") + ", or a JSON object a line"}
	case err != nil:
		return err
	}
	read := f.object
	if first[0] != '{' {
		if err := f.header(first); err != nil {
			return err
		}
		if first, err = f.next(); errors.Is(err, io.EOF) {
			return nil // nothing below its header
		}
		read = f.row
	}
	for ; err == nil; first, err = f.next() {
		if err := read(first); err != nil {
			return err
		}
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// receiptFile reads one line after the other.
type receiptFile struct {
	in      *bufio.Reader
	fn      func(line int, r *Receipt) error
	line    int   // that was read last
	columns []int // which field each cell of a row is
}

// next returns the next line that has something in it. The error at the end is io.EOF.
func (f *receiptFile) next() ([]byte, error) {
	for {
		line, err := f.in.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(line) > 0 {
			err = nil // the last one need not end
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
		f.line++
		if err != nil {
			return nil, f.wrong("", "longer than %d bytes", maxReceiptLine)
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return line, nil
		}
	}
}

func (f *receiptFile) wrong(field, format string, args ...any) error {
	return &ReceiptFileError{f.line, field, fmt.Sprintf(format, args...)}
}

// cells are those of a row of CSV. None of a receipt's fields has a line break.
func (f *receiptFile) cells(line []byte) ([]string, error) {
	if bytes.IndexByte(line, '"') < 0 {
		return strings.Split(string(line), ","), nil
	}
	cells, err := csv.NewReader(bytes.NewReader(line)).Read()
	if wrong, ok := errors.AsType[*csv.ParseError](err); ok {
		return nil, f.wrong("", "%v", wrong.Err)
	}
	return cells, err
}

func (f *receiptFile) header(line []byte) error {
	names, err := f.cells(line)
	if err != nil {
		return err
	}
	for _, name := range names {
		at := slices.Index(ReceiptFields[:], strings.TrimSpace(name))
		switch {
		case at < 0:
			return f.wrong(name, "no such column; known are %s", strings.Join(ReceiptFields[:], ", "))
		case slices.Contains(f.columns, at):
			return f.wrong(name, "given twice")
		}
		f.columns = append(f.columns, at)
	}
	for at, name := range ReceiptFields {
		if !slices.Contains(f.columns, at) {
			return f.wrong(name, "the header has no such column")
		}
	}
	return nil
}

func (f *receiptFile) row(line []byte) error {
	cells, err := f.cells(line)
	if err != nil {
		return err
	}
	if len(cells) != len(f.columns) {
		return f.wrong("", "%d cells, the header has %d", len(cells), len(f.columns))
	}
	var texts ReceiptTexts
	for i, cell := range cells {
		texts[f.columns[i]] = strings.TrimSpace(cell)
	}
	return f.receipt(texts)
}

// receiptObject is a receipt as a line of JSON has it; null and no member are the same.
type receiptObject struct {
	ID       *string     `json:"id"`
	End      *string     `json:"end"`
	Currency *string     `json:"currency"`
	Total    receiptText `json:"total_excl"`
	Energy   receiptText `json:"energy"`
}

// receiptText is a number as it was written, be it in quotes.
type receiptText string

// UnmarshalJSON implements json.Unmarshaler.
func (t *receiptText) UnmarshalJSON(b []byte) error {
	switch text := string(b); {
	case text == "null":
		*t = ""
	case b[0] == '"':
		return json.Unmarshal(b, (*string)(t))
	default:
		*t = receiptText(text)
	}
	return nil
}

func (f *receiptFile) object(line []byte) error {
	var o receiptObject
	err := ocpi.DecodeStrict(line, &o)
	if wrong, ok := errors.AsType[*ocpi.MemberError](err); ok {
		if wrong.UnknownMember() {
			return f.wrong(wrong.Path, "no such member; known are %s", strings.Join(ReceiptFields[:], ", "))
		}
		return f.wrong(wrong.Path, "%s", wrong.Reason)
	}
	if err != nil {
		return f.wrong("", "not a JSON object: %s", strings.TrimPrefix(err.Error(), "jsontext: "))
	}
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	return f.receipt(ReceiptTexts{text(o.ID), text(o.End), text(o.Currency), string(o.Total), string(o.Energy)})
}

// receipt hands on what the texts of a line say.
func (f *receiptFile) receipt(texts ReceiptTexts) (err error) {
	r := Receipt{ID: ocpi.Fold(texts[0]), Currency: ocpi.Fold(texts[2])}
	if r.ID == "" || len(r.ID) > ocpi.MaxIdentity {
		return f.wrong("id", "want the id of a CDR, 1 to %d characters", ocpi.MaxIdentity)
	}
	if r.Currency != "" && len(r.Currency) != 3 {
		return f.wrong("currency", "%q is not a currency code such as EUR", texts[2])
	}
	if texts[1] != "" {
		if r.End, _, err = ocpi.ParseTime(texts[1]); err != nil {
			return f.wrong("end", "%q is not an instant such as 2019-06-01T12:00:00Z", texts[1])
		}
	}
	for i, into := range []*ocpi.Number{&r.Total, &r.Energy} {
		text := texts[3+i]
		if text == "" {
			continue
		}
		if *into, err = ocpi.ParseNumber(text); err != nil {
			return f.wrong(ReceiptFields[3+i], "%q is not a decimal such as 20.5, of at most %d digits", text, ocpi.MaxNumberDigits)
		}
	}
	return f.fn(f.line, &r)
}
