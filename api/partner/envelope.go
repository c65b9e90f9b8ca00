package partner

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// Answer is what a partner answered.
type Answer struct {
	HTTP    int
	Status  ocpi.Status
	Message string
	Data    []byte // as it was sent; nil where there is none
	Header  http.Header
}

// envelope is OCPI's response format as partners send it: a member that is
// missing, null or of another type takes none of the others with it.
type envelope struct{ Data, Code, Message []byte }

// readEnvelope reads an answer's body; ok is false where it is not OCPI's.
func readEnvelope(body []byte) (e envelope, status ocpi.Status, ok bool) {
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	whole := members(body, func(name, value []byte) {
		switch {
		case bytes.EqualFold(name, []byte("data")):
			e.Data = value
		case bytes.EqualFold(name, []byte("status_code")):
			e.Code = value
		case bytes.EqualFold(name, []byte("status_message")):
			e.Message = value
		}
	})
	n, err := strconv.Atoi(strings.Trim(string(e.Code), `"`))
	if !whole || err != nil || n < 1000 || n > 9999 {
		return envelope{}, 0, false
	}
	if string(e.Data) == "null" {
		e.Data = nil
	}
	return e, ocpi.Status(n), true
}

// message is what the partner said, as text.
func (e *envelope) message() string {
	var text string
	if err := json.Unmarshal(e.Message, &text); err != nil {
		return strings.Trim(string(e.Message), `"`)
	}
	return text
}

// success reports whether a status code says that it was done (1xxx).
func success(s ocpi.Status) bool { return s >= 1000 && s < 2000 }
