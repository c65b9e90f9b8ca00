package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
)

// PublicData reports what Locations of a CPO do not say that operators have to make
// available (Implementing Regulation (EU) 2025/655).
type PublicData struct {
	Store interface {
		// LocationsOf calls fn for the Locations of a CPO, in the order of their ids.
		LocationsOf(ctx context.Context, cpo ocpi.Party, tariffs []string, fn func(*ingest.ObjectState) error) error
	}
	// AdHoc reports whether a Tariff is known here by which one may charge without a contract.
	AdHoc func(tariff ocpi.Key) bool
}

// PublicDataParams are the names of the query parameters.
var PublicDataParams = []string{"cpo", "missing", "limit", "cursor"}

// maxLacking is how many EVSEs are named of a Location.
const maxLacking = 20

// PublicDatum is a kind of data, and how many Locations or EVSEs say it. Unsayable are those
// in a version of OCPI that has no such member.
type PublicDatum struct {
	Code      string  `json:"code"`
	What      string  `json:"what"`
	Members   *string `json:"members"`
	From      *string `json:"from_version"`
	Each      string  `json:"each"` // location, evse
	Of        int     `json:"of"`
	Missing   int     `json:"missing"`
	Unsayable int     `json:"unsayable"`
}

// LackedDatum is a kind of data that a Location does not say.
type LackedDatum struct {
	Code  string   `json:"code"`
	EVSEs []string `json:"evse_uids"`
	More  int      `json:"more_evses"`
}

// LackingLocation is a Location that does not say all that its version of OCPI can.
type LackingLocation struct {
	ID      string        `json:"location_id"`
	Version string        `json:"version"`
	EVSEs   int           `json:"evse_count"`
	Missing []LackedDatum `json:"missing"`
}

// PublicDataReport is the answer.
type PublicDataReport struct {
	CPO       string            `json:"cpo"`
	Locations int               `json:"location_count"`
	EVSEs     int               `json:"evse_count"`
	NotPublic int               `json:"not_public"`
	Rows      []PublicDatum     `json:"rows"`
	Lacking   []LackingLocation `json:"locations"`
	Next      *string           `json:"next"`
}

// Report answers GET …/reports/afir.
func (d PublicData) Report(c *gin.Context, key Key) error {
	csv, err := WantsCSV(c)
	if err != nil {
		return err
	}
	report, next, err := d.Read(c.Request.Context(), c.Request.URL.Query(), key)
	if err != nil {
		return err
	}
	report.Next = LinkNext(c, next)
	if csv {
		table := publicDataCSV(report)
		table.Note = NextNote(c, next)
		WriteCSV(c, "afir-"+strings.ReplaceAll(report.CPO, "*", "-")+".csv", table)
		return nil
	}
	WriteJSON(c, http.StatusOK, report)
	return nil
}

// Read reads the parameters and reports; next is the cursor of the page behind. The error is
// an *Error that names the parameter, or that of the store.
func (d PublicData) Read(ctx context.Context, values url.Values, key Key) (r *PublicDataReport, next string, err error) {
	p := NewParams(values, PublicDataParams...)
	cpo, code, after, limit := p.Party("cpo"), p.Folded("missing"), p.Text("cursor"), p.Limit(MaxLimit)
	if p.Text("cpo") == "" {
		p.Fail(Invalid("cpo", "required: a party such as NL*TNM"))
	}
	if code != "" && !slices.ContainsFunc(publicData, func(k publicDatum) bool { return k.Code == code }) {
		p.Fail(Invalid("missing", "%q is no kind of data of the annex, such as A5, B1 or F3", p.Text("missing")))
	}
	if err := p.Err(); err != nil {
		return nil, "", err
	}
	if !key.Sees(cpo, cpo) {
		return nil, "", &Error{Status: http.StatusForbidden, Code: "party_restricted", Message: "the key is of another party: it sees what that party's own Locations say"}
	}
	return d.read(ctx, cpo, code, after, limit)
}

// read goes through all Locations of a CPO once: their sums are of all, their list is a page.
func (d PublicData) read(ctx context.Context, cpo ocpi.Party, code, after string, limit int) (r *PublicDataReport, next string, err error) {
	r = &PublicDataReport{CPO: cpo.String(), Rows: make([]PublicDatum, len(publicData)), Lacking: []LackingLocation{}}
	for i := range publicData {
		k := &publicData[i]
		r.Rows[i] = PublicDatum{Code: k.Code, What: k.What, Members: textOrNil(k.Members), Each: "location"}
		if k.says != nil {
			r.Rows[i].From = textOrNil(k.From.String())
		}
		if k.Each {
			r.Rows[i].Each = "evse"
		}
	}
	last := ""
	err = d.Store.LocationsOf(ctx, cpo, nil, func(s *ingest.ObjectState) error {
		l, err := d.look(s, r)
		if err != nil || l == nil || s.Key.ID <= after || !lacks(l, code) {
			return err
		}
		if len(r.Lacking) == limit {
			next = last
			return nil
		}
		r.Lacking, last = append(r.Lacking, *l), s.Key.ID
		return nil
	})
	if err != nil {
		return nil, "", fmt.Errorf("read Locations of %s: %w", cpo, err)
	}
	return r, next, nil
}

func lacks(l *LackingLocation, code string) bool {
	if code == "" {
		return len(l.Missing) > 0
	}
	return slices.ContainsFunc(l.Missing, func(m LackedDatum) bool { return m.Code == code })
}

// look counts what a Location says, and returns what it does not; nil where it need not.
func (d PublicData) look(s *ingest.ObjectState, r *PublicDataReport) (*LackingLocation, error) {
	o := publicObject{cpo: s.Key.Party, adHoc: d.AdHoc}
	if err := json.Unmarshal(s.Body, &o.location); err != nil {
		return nil, fmt.Errorf("read location %s: %v", s.Key, err) //nolint:errorlint // ours, not the reader's: a 500
	}
	if published, ok := o.location["publish"].(bool); ok && !published {
		r.NotPublic++
		return nil, nil
	}
	evses := slices.DeleteFunc(objectsIn(o.location, "evses"), func(e map[string]any) bool {
		status := ocpi.Fold(textIn(e, "status"))
		return status == "REMOVED" || status == "PLANNED"
	})
	l := &LackingLocation{ID: textIn(o.location, "id"), Version: s.Version.String(), EVSEs: len(evses), Missing: []LackedDatum{}}
	r.Locations, r.EVSEs = r.Locations+1, r.EVSEs+len(evses)
	for i := range publicData {
		k, row := &publicData[i], &r.Rows[i]
		n := 1
		if k.Each {
			n = len(evses)
		}
		row.Of += n
		if k.says == nil || s.Version < k.From {
			row.Unsayable += n
			continue
		}
		lacked := LackedDatum{Code: k.Code, EVSEs: []string{}}
		missing := 0
		if !k.Each {
			o.evse = nil
			if !k.says(&o) {
				missing = 1
			}
		} else {
			for _, e := range evses {
				if o.evse = e; k.says(&o) {
					continue
				}
				if missing++; len(lacked.EVSEs) < maxLacking {
					lacked.EVSEs = append(lacked.EVSEs, textIn(e, "uid"))
				}
			}
			lacked.More = missing - len(lacked.EVSEs)
		}
		if row.Missing += missing; missing > 0 {
			l.Missing = append(l.Missing, lacked)
		}
	}
	return l, nil
}

func publicDataCSV(r *PublicDataReport) *CSV {
	return &CSV{Header: []string{"location_id", "version", "evse_count", "code", "what", "missing_evses", "evse_uids"}, Rows: func(yield func([]string) bool) {
		for i := range r.Lacking {
			l := &r.Lacking[i]
			for _, m := range l.Missing {
				at := slices.IndexFunc(publicData, func(k publicDatum) bool { return k.Code == m.Code })
				evses := ""
				if publicData[at].Each {
					evses = strconv.Itoa(len(m.EVSEs) + m.More)
				}
				if !yield([]string{Cell(l.ID), l.Version, strconv.Itoa(l.EVSEs), m.Code, publicData[at].What, evses, Cell(strings.Join(m.EVSEs, " "))}) {
					return
				}
			}
		}
	}}
}
