package report

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/settlement"
)

// conflictJSON is an identity of which several copies came. One counts; the others are
// evidence.
type conflictJSON struct {
	CPO    string     `json:"cpo"`
	ID     string     `json:"id"` // folded to upper case
	Counts copyJSON   `json:"counts"`
	Others []copyJSON `json:"others"`
	URL    string     `json:"url"`
	// ContentsURL has the bodies and in what they differ.
	ContentsURL string `json:"contents_url"`
}

// conflicts answers GET /api/v1/conflicts.
func (s *server) conflicts(c *gin.Context, key rest.Key) error {
	q, err := ConflictQuery(c.Request.URL.Query(), key)
	if err != nil {
		return err
	}
	page, err := s.reader.Conflicts(c.Request.Context(), q)
	if err != nil {
		return fmt.Errorf("list conflicts: %w", err)
	}
	list := make([]conflictJSON, len(page.Conflicts))
	for i := range page.Conflicts {
		list[i] = newConflict(&page.Conflicts[i])
	}
	rest.WriteJSON(c, http.StatusOK, map[string]any{"conflicts": list, "next": rest.LinkNext(c, page.Next)})
	return nil
}

func newConflict(k *settlement.Conflict) conflictJSON {
	return conflictJSON{
		CPO: k.Key.Party.String(), ID: k.ID, Counts: newCopy(&k.Counts),
		Others: newCopies(k.Others), URL: "/api/v1" + CDRPath(k.Key),
		ContentsURL: "/api/v1" + ContentsPath(k.Key),
	}
}

// ConflictsJSONL is a list of conflicts with one a line, as in the API.
func ConflictsJSONL(conflicts []settlement.Conflict) rest.Encoder {
	return rest.JSONLOf(conflicts, newConflict)
}

var conflictHeader = []string{"cpo", "id", "copy", "conflict", "received", "sender", "position", "hash", "counts"}

// ConflictsCSV is a list of conflicts as a table with a row for each copy, the one
// that counts first.
func ConflictsCSV(conflicts []settlement.Conflict) *rest.CSV {
	return &rest.CSV{Header: conflictHeader, Rows: func(yield func([]string) bool) {
		for i := range conflicts {
			k := &conflicts[i]
			for n, copied := range append([]settlement.Copy{k.Counts}, k.Others...) {
				j := newCopy(&copied)
				if !yield([]string{rest.Cell(k.Key.Party.String()), rest.Cell(k.ID), strconv.Itoa(n + 1), strconv.FormatBool(j.Conflict), j.Received, rest.Cell(j.Sender), j.Position, j.Hash, strconv.FormatBool(n == 0)}) {
					return
				}
			}
		}
	}}
}

// refusalJSON is a body that could not be used. Body is the JSON as it came
// where it is JSON; BodyBase64 holds the bytes where it is not.
type refusalJSON struct {
	Position   string          `json:"position"`
	Received   string          `json:"received"`
	Sender     string          `json:"sender"`
	Object     string          `json:"object"`
	Reason     string          `json:"reason"`
	Body       json.RawMessage `json:"body,omitempty"`
	BodyBase64 string          `json:"body_base64,omitempty"`
}

var errRestricted = &rest.Error{Status: http.StatusForbidden, Code: "party_restricted",
	Message: "refused bodies belong to no party that could be checked; use a key without --party"}

// refusals answers GET /api/v1/refusals. Such bodies belong to a sender but to
// no party that could be read from them, so a restricted key sees none.
func (s *server) refusals(c *gin.Context, key rest.Key) error {
	if !key.Party.IsZero() {
		return errRestricted
	}
	p := rest.NewParams(c.Request.URL.Query(), refusalParams...)
	limit := p.Limit(MaxRefusals)
	if p.Err() != nil {
		return p.Err()
	}
	refusals, next, err := s.reader.Refusals(c.Request.Context(), p.Text("sender"), p.Text("cursor"), limit)
	if err != nil {
		return fmt.Errorf("list refusals: %w", err)
	}
	list := make([]refusalJSON, len(refusals))
	for i := range refusals {
		list[i] = newRefusal(&refusals[i])
	}
	rest.WriteJSON(c, http.StatusOK, map[string]any{"refusals": list, "next": rest.LinkNext(c, next)})
	return nil
}

func newRefusal(r *settlement.Refusal) refusalJSON {
	j := refusalJSON{
		Position: r.Position.String(), Received: instant(r.Received), Sender: r.Sender,
		Object: r.Object.String(), Reason: r.Reason,
	}
	if utf8.Valid(r.Body) && json.Valid(r.Body) {
		j.Body = r.Body
	} else {
		j.BodyBase64 = base64.StdEncoding.EncodeToString(r.Body)
	}
	return j
}
