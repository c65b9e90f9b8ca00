package page

import (
	"fmt"
	"net/url"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/settlement"
)

// beside are the neighbours of a CDR in the list that a visitor came from.
type beside struct {
	List           string // address of the list, "" where one came from none
	Previous, Next string // addresses
}

// fromList carries a list's own choices to the pages of what it lists, so that these
// know what stands beside them.
func fromList(cdr string, list url.Values) string {
	q := cloneValues(list)
	q.Del("cursor")
	q.Del("limit")
	return address(cdr, q)
}

// beside reads what stands before and behind a CDR in the list whose choices the
// address carries: two short pages that begin at its place. A list without months is
// looked at within the one that the CDR is booked in.
func (s *server) beside(c *gin.Context, v visitor, d *settlement.CDRDetail) (beside, error) {
	list := dropEmpty(c.Request.URL.Query())
	q := cloneValues(list)
	if _, _, err := newFilters(q); err != nil {
		return beside{}, err
	}
	query, err := report.CDRQuery(q, v.Key)
	if err != nil {
		return beside{}, err
	}
	if len(q) == 0 || query.ID != "" {
		return beside{}, nil
	}
	if query.From.IsZero() {
		query.From = d.Month
	}
	if query.To.IsZero() {
		query.To = d.Month
	}
	b := beside{List: address("/cdrs", list)}
	query.After, query.Beside, query.Limit = "", settlement.Place{Month: d.Month, Position: d.Position}, 1
	forwards := query.Backwards
	for _, at := range []*string{&b.Next, &b.Previous} {
		page, err := s.Reader.CDRs(c.Request.Context(), query)
		if err != nil {
			return b, fmt.Errorf("read what is beside cdr %s: %w", d.Key, err)
		}
		if len(page.CDRs) > 0 {
			*at = fromList(report.CDRPath(page.CDRs[0].Key), list)
		}
		query.Backwards = !forwards
	}
	return b, nil
}
