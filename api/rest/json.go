package rest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ocpi"
)

const jsonContentType = "application/json; charset=utf-8"

// WriteJSON answers with v. Unlike gin's it leaves "<" and "&" readable: the
// answer is not HTML and says so.
func WriteJSON(c *gin.Context, status int, v any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Errorf("encode answer: %w", err)) // our own types only
	}
	c.Data(status, jsonContentType, b.Bytes())
}

// WriteRows answers with an object whose only member is a list, written item by
// item: it may be long, and is nowhere built whole.
func WriteRows[T any](c *gin.Context, name string, items iter.Seq[T]) {
	c.Header("Content-Type", jsonContentType)
	c.Status(http.StatusOK)
	w := bufio.NewWriterSize(c.Writer, pieceBytes)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	fmt.Fprintf(w, "{%q:[", name)
	first := true
	for item := range items {
		if !first {
			w.WriteByte(',')
		}
		first = false
		if err := enc.Encode(item); err != nil {
			_ = c.Error(err) // the client is gone, or does not read: nobody is left to tell
			return
		}
	}
	w.WriteString("]}\n")
	if err := w.Flush(); err != nil {
		_ = c.Error(err)
	}
}

// mimeLines is JSON line by line: one object each.
const mimeLines = "application/jsonl"

// WriteLines answers with a file under a name, an object a line.
func WriteLines[T any](c *gin.Context, name string, items []T) {
	c.Header("Content-Type", mimeLines)
	c.Header("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
	c.Status(http.StatusOK)
	if err := JSONLOf(items, func(item *T) T { return *item }).Encode(c.Writer); err != nil {
		_ = c.Error(err) // the client is gone, or does not read: nobody is left to tell
	}
}

// WriteRaw answers with v, an object, with a member raw in front of the others
// that holds a body byte for byte: encoding/json would re-indent it.
func WriteRaw(c *gin.Context, raw []byte, v any) error {
	var rest bytes.Buffer
	enc := json.NewEncoder(&rest)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	body := make([]byte, 0, len(raw)+rest.Len()+16)
	body = append(body, `{"raw":`...)
	body = append(body, raw...)
	body = append(body, ',')
	c.Data(http.StatusOK, jsonContentType, append(body, rest.Bytes()[1:]...))
	return nil
}

// ReadJSON reads a body of at most limit bytes into v, which an empty one
// leaves as it is. Members that are not known, or given twice, are errors, as
// [ocpi.DecodeStrict] has it. The error is an [*Error] that names the member, or
// one of [api.ReadBody].
func ReadJSON(r *http.Request, limit int, v any) error {
	body, err := api.ReadBody(r, nil, limit, nil)
	if err != nil || len(body) == 0 {
		return err
	}
	return DecodeJSON(body, v)
}

// DecodeJSON is ReadJSON of a body that has been read, and that is not empty.
func DecodeJSON(body []byte, v any) error {
	err := ocpi.DecodeStrict(body, v)
	if err == nil {
		return nil
	}
	wrong, ok := errors.AsType[*ocpi.MemberError](err)
	switch {
	case ok && wrong.UnknownMember():
		return Invalid(wrong.Path, "%s: %s; see /api/v1/openapi.yaml", wrong.Reason, wrong.Path)
	case ok:
		return Invalid(wrong.Path, "%s", wrong.Reason)
	}
	return &Error{Status: http.StatusBadRequest, Code: api.KindSyntax.Code(), Message: "the body is not one JSON object: " + strings.TrimPrefix(err.Error(), "jsontext: ")}
}
