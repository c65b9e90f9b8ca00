package rest

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
)

// Receipts answers what was received, for parties to hold against what they sent:
// docs/receipts.md.
type Receipts struct {
	settlement.ReceiptStore
	// Await returns when the store has what the log held of a kind of object when it was
	// called, strictly: a settlement.Lists. nil = at once.
	Await func(ctx context.Context, o ingest.Object, strict bool) error
}

// Bounds of receipts: how many a page holds, of how many ids one may ask at once, and how
// long is waited for the store.
const (
	MaxReceipts   = 5000
	MaxReceiptIDs = 1000
	receiptsWait  = 10 * time.Second
)

// Names of the query parameters of receipts.
var (
	ReceiptParams     = []string{"cpo", "emsp", "from", "to"}
	ReceiptCDRsParams = append(slices.Clone(ReceiptParams), "limit", "cursor")
)

// ReceiptDay is what came of a day: how many CDRs, and the digest of their lines.
type ReceiptDay struct {
	Day    string `json:"day"`
	Count  int    `json:"count"`
	Digest string `json:"digest"`
}

// ReceiptDays is the answer to GET …/receipts: the days that have CDRs, in order.
type ReceiptDays struct {
	Rows []ReceiptDay `json:"rows"`
}

// Receipt is a CDR as the digest of its day has it; null is not known. Conflict: it came
// again with another content, and the first counts.
type Receipt struct {
	ID       string  `json:"id"`
	Day      string  `json:"day"`
	End      *string `json:"end"`
	Currency *string `json:"currency"`
	Total    *string `json:"total_excl"`
	Energy   *string `json:"energy"`
	Conflict bool    `json:"conflict"`
}

// ReceiptCDRs is the answer to …/receipts/cdrs.
type ReceiptCDRs struct {
	CDRs []Receipt `json:"cdrs"`
	Next *string   `json:"next"`
}

// ReceiptRequest is the body of POST …/receipts/cdrs.
type ReceiptRequest struct {
	CPO string   `json:"cpo"`
	IDs []string `json:"ids"`
}

// Days answers GET …/receipts.
func (r Receipts) Days(c *gin.Context, who *Viewer) error {
	p := NewParams(c.Request.URL.Query(), ReceiptParams...)
	q, err := receiptQuery(p, who)
	if err != nil {
		return err
	}
	if err := r.await(c.Request.Context()); err != nil {
		return err
	}
	var days settlement.ReceiptDays
	err = r.Receipts(c.Request.Context(), q, func(one *settlement.BookedReceipt) error {
		days.Add(one)
		return nil
	})
	if err != nil {
		return fmt.Errorf("add receipts of %s up: %w", q.CPO, err)
	}
	answer := ReceiptDays{Rows: []ReceiptDay{}}
	for _, d := range days.Days() {
		answer.Rows = append(answer.Rows, ReceiptDay{d.Day.Format(time.DateOnly), d.Count, hex.EncodeToString(d.Digest[:])})
	}
	WriteJSON(c, http.StatusOK, answer)
	return nil
}

// CDRs answers GET …/receipts/cdrs.
func (r Receipts) CDRs(c *gin.Context, who *Viewer) error {
	p := NewParams(c.Request.URL.Query(), ReceiptCDRsParams...)
	limit, after := p.Limit(MaxReceipts), p.Text("cursor")
	q, err := receiptQuery(p, who)
	if err != nil {
		return err
	}
	if after == "" {
		if err := r.await(c.Request.Context()); err != nil {
			return err
		}
	}
	page, next, err := r.ReceiptPage(c.Request.Context(), q, after, limit)
	if err != nil {
		return fmt.Errorf("list receipts of %s: %w", q.CPO, err)
	}
	WriteJSON(c, http.StatusOK, ReceiptCDRs{receiptsJSON(page), LinkNext(c, next)})
	return nil
}

// Find answers POST …/receipts/cdrs: of some ids those that are here, whatever their day.
func (r Receipts) Find(c *gin.Context, who *Viewer) error {
	var of ReceiptRequest
	if err := ReadJSON(c.Request, api.DefaultMaxBody, &of); err != nil {
		return err
	}
	cpo, ok := ocpi.ParseParty(of.CPO)
	if !ok {
		return Invalid("cpo", "%q is not a party such as NL*TNM", of.CPO)
	}
	if len(of.IDs) == 0 || len(of.IDs) > MaxReceiptIDs {
		return Invalid("ids", "want 1 to %d ids of CDRs, got %d", MaxReceiptIDs, len(of.IDs))
	}
	q, err := who.receipts(cpo)
	if err != nil {
		return err
	}
	if err := r.await(c.Request.Context()); err != nil {
		return err
	}
	ids := make([]string, len(of.IDs))
	for i, id := range of.IDs {
		ids[i] = ocpi.Fold(id)
	}
	slices.Sort(ids)
	found, err := r.ReceiptsOf(c.Request.Context(), q, slices.Compact(ids))
	if err != nil {
		return fmt.Errorf("find receipts of %s: %w", cpo, err)
	}
	WriteJSON(c, http.StatusOK, ReceiptCDRs{CDRs: receiptsJSON(found)})
	return nil
}

// await waits for what was acknowledged: what is not in the store yet would be told as if
// it had never come.
func (r Receipts) await(ctx context.Context) error {
	if r.Await == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, receiptsWait)
	defer cancel()
	return r.Await(ctx, ingest.ObjectCDR, true)
}

// receipts is the query for what the viewer may see of a CPO.
func (v *Viewer) receipts(cpo ocpi.Party) (settlement.ReceiptQuery, error) {
	q := settlement.ReceiptQuery{CPO: cpo}
	debtors, all := v.debtors(cpo)
	if !all && len(debtors) == 0 {
		return q, errNotTheirs
	}
	if !all {
		q.Debtors = debtors
	}
	return q, nil
}

var errNotTheirs = &Error{Status: http.StatusForbidden, Code: "party_restricted",
	Message: "neither cpo nor emsp is a party of yours: ask for what one of yours claims, or owes"}

// receiptQuery reads which receipts are asked for. The error is that of p, or that nothing
// of it may be seen.
func receiptQuery(p *Params, who *Viewer) (settlement.ReceiptQuery, error) {
	cpo := p.Party("cpo")
	if p.Text("cpo") == "" {
		p.Fail(Invalid("cpo", "required: a party such as NL*TNM"))
	}
	emsp, unknown := p.PartyOrUnknown("emsp")
	from, to := p.RequiredDay("from"), p.RequiredDay("to")
	if err := p.Err(); err != nil {
		return settlement.ReceiptQuery{}, err
	}
	switch {
	case to.Before(from):
		return settlement.ReceiptQuery{}, Invalid("to", "%s is before from, %s", p.Text("to"), p.Text("from"))
	case to.Sub(from) >= settlement.MaxReceiptDays*24*time.Hour:
		return settlement.ReceiptQuery{}, Invalid("to", "more than %d days: ask for fewer at once", settlement.MaxReceiptDays)
	}
	q, err := who.receipts(cpo)
	q.From, q.To = from, to
	if err == nil && (unknown || !emsp.IsZero()) {
		if q.Debtors != nil && !slices.Contains(q.Debtors, emsp) {
			return q, errNotTheirs
		}
		q.Debtors = []ocpi.Party{emsp}
	}
	return q, err
}

func receiptsJSON(list []settlement.BookedReceipt) []Receipt {
	answer := make([]Receipt, len(list))
	for i := range list {
		text := list[i].Texts()
		answer[i] = Receipt{ID: text[0], Day: list[i].Day().Format(time.DateOnly),
			End: textOrNil(text[1]), Currency: textOrNil(text[2]), Total: textOrNil(text[3]), Energy: textOrNil(text[4]), Conflict: list[i].Conflict}
	}
	return answer
}
