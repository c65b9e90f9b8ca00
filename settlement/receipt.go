package settlement

import (
	"context"
	"crypto/sha256"
	"hash"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// MaxReceiptDays bounds the days of one request for receipts: three months.
const MaxReceiptDays = 92

// Receipt is what two parties hold against each other of a CDR, to prove that it was
// received as it was sent: docs/receipts.md. What is not set, or "", is not known.
type Receipt struct {
	ID       string    // folded
	End      ocpi.Time // of the charge
	Currency string
	Total    ocpi.Number // total_cost before tax, as claimed
	Energy   ocpi.Number // kWh
}

// ReceiptFields are what is compared of a receipt, as files and APIs call it.
var ReceiptFields = [...]string{"id", "end", "currency", "total_excl", "energy"}

// ReceiptTexts are the fields of a receipt as digests have them: "" where one is not known,
// an instant in UTC and cut off to its second, a number with no zero too many.
type ReceiptTexts [len(ReceiptFields)]string

// ID is the id of the CDR.
func (t *ReceiptTexts) ID() string { return t[0] }

// Texts returns the fields as digests have them.
func (r *Receipt) Texts() ReceiptTexts {
	end := ""
	if r.End.IsSet() {
		end = r.End.Go().Format("2006-01-02T15:04:05Z")
	}
	return ReceiptTexts{r.ID, end, r.Currency, r.Total.Shortest().String(), r.Energy.Shortest().String()}
}

// AppendLine appends the line that the digest of a day has of a receipt.
func (r *Receipt) AppendLine(b []byte) []byte {
	for i, text := range r.Texts() {
		if i > 0 {
			b = append(b, '\t')
		}
		b = append(b, text...)
	}
	return append(b, '\n')
}

// BookedReceipt is the receipt of a stored CDR.
type BookedReceipt struct {
	Receipt
	Booked   ocpi.Time // its instant: the end of the charge, else its start, else its last_updated, else when it came
	Conflict bool      // it came again with another content; this one, the first, counts
}

// Day is the day that the CDR is booked on, in UTC.
func (r *BookedReceipt) Day() time.Time { return r.Booked.Go().Truncate(24 * time.Hour) }

// ReceiptQuery selects the CDRs of a CPO that are booked on some days, both inclusive and
// in UTC: where Debtors is not nil, those for one of these, of which a zero one is those
// of which nobody is known to pay.
type ReceiptQuery struct {
	CPO      ocpi.Party
	Debtors  []ocpi.Party
	From, To time.Time
}

// Next is the first instant behind the days.
func (q *ReceiptQuery) Next() time.Time { return q.To.AddDate(0, 0, 1) }

// ReceiptStore reads receipts of the CDRs that count. Errors: ErrUnavailable; ErrCursor.
type ReceiptStore interface {
	// Receipts calls fn for those that q selects, in the order of days, then of ids. Whether
	// there is a conflict is not looked up.
	Receipts(ctx context.Context, q ReceiptQuery, fn func(*BookedReceipt) error) error
	// ReceiptPage reads limit of them at most, behind a cursor, in the order of months and of
	// the log; next is the cursor of what follows, "" at the end.
	ReceiptPage(ctx context.Context, q ReceiptQuery, after string, limit int) (page []BookedReceipt, next string, err error)
	// ReceiptsOf reads those with one of some ids, folded, whatever day they are booked on,
	// in the order of ids.
	ReceiptsOf(ctx context.Context, q ReceiptQuery, ids []string) ([]BookedReceipt, error)
}

// ReceiptDay is how many CDRs are booked on a day, and the digest of their lines.
type ReceiptDay struct {
	Day    time.Time
	Count  int
	Digest [sha256.Size]byte
}

// ReceiptDays adds receipts up that come in the order of days, then of ids: this is that
// of their lines, for ids are printable ASCII and a line goes on with a tab.
type ReceiptDays struct {
	days []ReceiptDay
	sum  hash.Hash
	line []byte
}

// Add adds one.
func (d *ReceiptDays) Add(r *BookedReceipt) {
	day := r.Day()
	if n := len(d.days); n == 0 || !d.days[n-1].Day.Equal(day) {
		d.end()
		d.days, d.sum = append(d.days, ReceiptDay{Day: day}), sha256.New()
	}
	d.days[len(d.days)-1].Count++
	d.line = r.AppendLine(d.line[:0])
	_, _ = d.sum.Write(d.line) // a hash takes all
}

// end notes the digest of the last day.
func (d *ReceiptDays) end() {
	if n := len(d.days); n > 0 {
		d.sum.Sum(d.days[n-1].Digest[:0])
	}
}

// Days returns the days that have any.
func (d *ReceiptDays) Days() []ReceiptDay {
	d.end()
	return d.days
}
