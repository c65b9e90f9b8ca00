package report

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing"
	"github.com/roamclear/roamclear/pricing/lint"
	"github.com/roamclear/roamclear/pricing/tariff"
	"github.com/roamclear/roamclear/settlement"
)

// Preflight says what would become of an object that was not pushed, by what pushes are
// judged and priced by. Nothing of it is kept or counted.
type Preflight struct {
	// Assess is a push up to where it would be kept: that of an *ingest.Service.
	Assess func(ctx context.Context, from ingest.Sender, v ocpi.Version, kind ingest.Object, body []byte) (ingest.Assessment, error)
	// Answer is what the push would be answered; first is the copy of a CDR that came before.
	Answer func(a *ingest.Assessment, body, first []byte) PreflightAnswer
	// Price prices a CDR that would be accepted: that of a *pricing.Checker.
	Price func(ctx context.Context, e *ingest.Envelope, body []byte) (*pricing.Row, error)
	// First returns the copy of a CDR that came before; nil = none is known.
	First func(ctx context.Context, key ocpi.Key) (raw []byte, ok bool, err error)
	// Known is what running prices of Sessions are computed from; nil = there are none.
	Known pricing.Known
	// Sender finds the partner that has a party in a role that owns such objects; nil =
	// there are no partners.
	Sender func(kind ingest.Object, party ocpi.Party) (ingest.Sender, bool)
	Bodies ingest.Limits
	// Limits bound how many are looked at, and held, at once: see PreflightPlaces.
	Limits rest.Limits
}

// PreflightPlaces is how many objects are looked at at once, of each key a quarter: each may
// have some MiB, and keep a processor busy.
const PreflightPlaces = 16

// PreflightAnswer is what a push would be answered.
type PreflightAnswer struct {
	HTTP    int               `json:"http_status"`
	Status  ocpi.Status       `json:"status_code"` // of OCPI
	Message string            `json:"status_message"`
	Wrong   []ocpi.FieldError `json:"-"`
}

// PreflightQuery is an object that was not pushed.
type PreflightQuery struct {
	Kind    ingest.Object // 0: what its members tell
	Version ocpi.Version
	Party   ocpi.Party // whose it is where it does not say so, as in OCPI 2.1.1
	// From is the partner that asks; nil: whoever has the object's party.
	From func(kind ingest.Object) ingest.Sender
	// Of is the party whose objects alone may be looked at; zero: anybody's. What a push is
	// answered, and what a CDR comes to, tells of its owner's other objects.
	Of   ocpi.Party
	Body []byte
}

// Preflown is what would become of an object.
type Preflown struct {
	Object  string  `json:"object"` // cdr, session, location or tariff
	Version string  `json:"version"`
	Owner   *string `json:"owner"` // null: it is not known
	ID      string  `json:"id"`
	// Partner is whose policies it was held against; null: no partner has the owner's party
	// here, and it was looked at as if one had, with none.
	Partner  *string         `json:"partner"`
	Accepted bool            `json:"accepted"`
	ByPolicy bool            `json:"refused_by_policy"`
	Answer   PreflightAnswer `json:"answer"`
	Wrong    []wrongField    `json:"wrong"`    // why it is refused, where the body is
	Findings []ocpi.Finding  `json:"findings"` // that the answer counts
	Counted  []ocpi.Finding  `json:"counted"`  // that are counted, and told by no answer
	// Price is that of a CDR, null where it has none to have.
	Price *preflownPrice `json:"price"`
	// Running is the running price of a Session, null where there is none.
	Running *priceJSON `json:"running_price"`
	Reason  string     `json:"reason,omitempty"` // why a Session has none
	Detail  string     `json:"detail,omitempty"`
	// PriceList is a Tariff in words; null of other objects, and of one that cannot be priced with.
	PriceList []string `json:"price_list"`

	CDR              *settlement.CDRDetail `json:"-"` // that Price is of
	RunningExplained *tariff.Explanation   `json:"-"` // that Running is of
}

type wrongField struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// preflownPrice is the price of a CDR as its result would have it.
type preflownPrice struct {
	EMSP        *string         `json:"emsp"`
	Month       string          `json:"month"`
	Currency    string          `json:"currency"`
	Credit      bool            `json:"credit"`
	Result      cdrResult       `json:"result"`
	Explanation json.RawMessage `json:"explanation"`
	Text        *string         `json:"explanation_text"`
	Findings    []ocpi.Finding  `json:"findings"`
}

// preflightKinds are the objects that can be looked at.
var preflightKinds = []ingest.Object{ingest.ObjectCDR, ingest.ObjectSession, ingest.ObjectLocation, ingest.ObjectTariff}

// PreflightKinds are their names.
func PreflightKinds() (names []string) {
	for _, k := range preflightKinds {
		names = append(names, k.String())
	}
	return names
}

// PreflightKind reads the name of a kind, "" is 0.
func PreflightKind(name string) (ingest.Object, error) {
	for _, k := range preflightKinds {
		if name == k.String() {
			return k, nil
		}
	}
	if name == "" {
		return 0, nil
	}
	return 0, rest.Invalid("kind", "%q is not one of %s", name, strings.Join(PreflightKinds(), ", "))
}

// Look says what would become of an object. The error is a [*rest.Error] where it cannot be
// told what it is, else that of what is asked.
func (p *Preflight) Look(ctx context.Context, q PreflightQuery) (*Preflown, error) {
	if q.Kind == 0 {
		kind, ok := ingest.KindOf(q.Body)
		if !ok && json.Valid(q.Body) {
			return nil, rest.Invalid("kind", "its members do not tell what it is: say one of %s", strings.Join(PreflightKinds(), ", "))
		}
		q.Kind = cmp.Or(kind, ingest.ObjectCDR) // of what is no JSON all say the same
	}
	from, partner, err := p.sender(&q)
	if err != nil {
		return nil, err
	}
	var a ingest.Assessment
	if limit, _ := p.Bodies.Of(q.Kind); len(q.Body) > limit {
		a = ingest.Assessment{Envelope: ingest.Envelope{Object: q.Kind, Version: q.Version}, Refusal: api.ErrTooLarge}
	} else if a, err = p.Assess(ctx, from, q.Version, q.Kind, q.Body); err != nil {
		return nil, fmt.Errorf("assess %s: %w", q.Kind, err)
	}
	var first []byte
	if q.Kind == ingest.ObjectCDR && a.Refusal == nil && p.First != nil {
		raw, ok, err := p.First(ctx, a.Key)
		if err != nil {
			return nil, fmt.Errorf("look for %s: %w", a.Key, err)
		}
		if ok {
			repeat, err := settlement.RepeatOf(raw, q.Body)
			if err != nil {
				return nil, err
			}
			first, a.Habits = raw, append(a.Habits, repeat)
		}
	}
	v := &Preflown{
		Owner: partyPtr(a.Key.Party), Object: q.Kind.String(), Version: q.Version.String(), ID: a.ID, Partner: partner, Accepted: a.Refusal == nil, ByPolicy: a.ByPolicy,
		Answer: p.Answer(&a, q.Body, first), Wrong: []wrongField{}, Findings: listed(a.Told), Counted: listed(a.Habits),
	}
	for _, f := range v.Answer.Wrong {
		v.Wrong = append(v.Wrong, wrongField{f.Path, f.Reason})
	}
	if a.Refusal != nil && !a.ByPolicy {
		return v, nil // nobody knows what it would be priced as
	}
	return v, p.price(ctx, v, &a, q.Body)
}

func listed(findings []ocpi.Finding) []ocpi.Finding { return append([]ocpi.Finding{}, findings...) }

// sender is whose push it would be, and which partner that is. The error is a [*rest.Error]
// where who asks may not look at what its owner has.
func (p *Preflight) sender(q *PreflightQuery) (from ingest.Sender, partner *string, err error) {
	if q.From != nil {
		from = q.From(q.Kind)
		return from, &from.ID, nil
	}
	owner := ocpi.NewParty(ocpi.Text(q.Body, "country_code"), ocpi.Text(q.Body, "party_id"))
	if q.Version == ocpi.V211 || owner.Country == "" || owner.ID == "" {
		owner = cmp.Or(q.Party, q.Of)
	}
	if !q.Of.IsZero() && owner != q.Of {
		return from, nil, &rest.Error{Status: http.StatusForbidden, Code: "party_restricted", Message: "this API key is of " + q.Of.String() + ", and this " + q.Kind.String() + " of " + owner.String()}
	}
	from = ingest.Sender{ID: "nobody"}
	if p.Sender != nil {
		if found, ok := p.Sender(q.Kind, owner); ok {
			from, partner = found, &found.ID
		}
	}
	if partner == nil || !q.Of.IsZero() { // however its members may be read
		from.Parties = []ocpi.Party{owner}
	}
	from.Acting = owner
	return from, partner, nil
}

// price adds what an object that is read comes to.
func (p *Preflight) price(ctx context.Context, v *Preflown, a *ingest.Assessment, body []byte) error {
	switch a.Object {
	case ingest.ObjectCDR:
		row, err := p.Price(ctx, &a.Envelope, body)
		if err != nil {
			return fmt.Errorf("price %s: %w", a.Key, err)
		}
		return v.priced(row)
	case ingest.ObjectTariff:
		v.PriceList = lint.Explained(body, a.Version).PriceList
	case ingest.ObjectSession:
		if p.Known == nil {
			return nil
		}
		session, err := new(ocpi.Decoder).Session(a.Version, body)
		if err != nil {
			return fmt.Errorf("read session %s again: %w", a.Key, err)
		}
		price, err := pricing.Running(ctx, p.Known, a.Key.Party, session)
		if err != nil {
			return fmt.Errorf("price session %s: %w", a.Key, err)
		}
		if v.Reason, v.Detail = price.Result.Reason, price.Result.Detail; price.Result.OK {
			v.RunningExplained = price.Explanation
			v.Running, err = newPrice(price, nil)
		}
		return err
	}
	return nil
}

func (v *Preflown) priced(row *pricing.Row) error {
	findings, err := json.Marshal(listed(row.Outcome.Findings))
	if err != nil {
		return fmt.Errorf("encode findings of %s: %w", row.Record.Key, err)
	}
	d := settlement.DetailOf(row, row.Booked(), findings)
	words, stated, err := explanationText(d.Explanation)
	if err != nil {
		return fmt.Errorf("explain %s: %w", row.Record.Key, err)
	}
	v.CDR = &d
	v.Price = &preflownPrice{
		EMSP: partyPtr(d.EMSP), Month: d.Month.String(), Currency: d.Currency, Credit: d.Credit, Result: newCDRResult(&d),
		Explanation: orJSON(d.Explanation, "null"), Text: words, Findings: listed(row.Outcome.Findings),
	}
	v.Price.Result.TaxStated = stated
	return nil
}

// Sound reports whether nothing about it wants attention: it is accepted, nothing serious
// is found, and a CDR has a price that agrees with its claim, if it makes one.
func (v *Preflown) Sound() bool {
	findings := append(listed(v.Findings), v.Counted...)
	if v.Price != nil {
		if v.Price.Result.Status == pricing.Rejected.String() || v.Price.Result.Claim == tariff.ClaimDiffers.String() {
			return false
		}
		findings = append(findings, v.Price.Findings...)
	}
	return v.Accepted && CountFindings(findings).Serious == 0
}

// PreflightParams are the names of the query parameters of POST …/check.
var PreflightParams = []string{"kind", "party"}

// Check answers POST …/check.
func (p *Preflight) Check(c *gin.Context, who *rest.Viewer) error {
	params := rest.NewParams(c.Request.URL.Query(), PreflightParams...)
	q := PreflightQuery{Party: params.Party("party"), Of: who.Key.Party}
	err := params.Err()
	if err != nil {
		return err
	}
	if q.Kind, err = PreflightKind(params.Text("kind")); err != nil {
		return err
	}
	if q.Version, err = rest.BodyVersion(c); err != nil {
		return err
	}
	leave, err := p.Limits.Enter(who.Key)
	if err != nil {
		return err
	}
	defer leave()
	if q.Body, err = api.ReadBody(c.Request, nil, ingest.MaxBody, nil); err != nil {
		return err
	}
	if who.Partner != nil {
		q.From = func(kind ingest.Object) ingest.Sender {
			from, _ := who.Partner.Sender(kind)
			return rest.Acting(c, from)
		}
	}
	v, err := p.Look(c.Request.Context(), q)
	if err != nil {
		return err
	}
	rest.WriteJSON(c, http.StatusOK, v)
	return nil
}

// WriteText tells a person what would become of the object.
func (v *Preflown) WriteText(w io.Writer) error {
	var b strings.Builder
	word := "Accepted"
	switch {
	case v.ByPolicy:
		word = "Refused, by agreement with " + text(v.Partner)
	case !v.Accepted:
		word = "Refused"
	}
	fmt.Fprintf(&b, "%s: HTTP %d, OCPI %d %s\n", word, v.Answer.HTTP, v.Answer.Status, v.Answer.Message)
	for _, f := range v.Wrong {
		fmt.Fprintf(&b, "- %s: %s\n", f.Path, f.Reason)
	}
	if v.Partner != nil && !v.ByPolicy {
		fmt.Fprintf(&b, "As it is agreed with %s.\n", *v.Partner)
	}
	writeFindings(&b, "Findings, told by the answer", v.Findings)
	writeFindings(&b, "Findings, counted and told by no answer", v.Counted)
	switch {
	case v.Price != nil:
		v.Price.write(&b)
	case v.Running != nil:
		b.WriteString("\nPrice so far\n" + v.Running.Text)
	case v.Reason != "":
		fmt.Fprintf(&b, "\nNo price so far (%s): %s\n", v.Reason, v.Detail)
	}
	if len(v.PriceList) > 0 {
		b.WriteString("\nPrice list\n" + strings.Join(v.PriceList, "\n") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeFindings(b *strings.Builder, title string, findings []ocpi.Finding) {
	if len(findings) > 0 {
		b.WriteString("\n" + title + "\n")
	}
	for _, f := range findings {
		fmt.Fprintf(b, "%-7s %s: %s: %s\n", f.Severity, cmp.Or(f.Path, "$"), f.Code, f.Detail)
	}
}

func (p *preflownPrice) write(b *strings.Builder) {
	fmt.Fprintf(b, "\nPrice, for %s", cmp.Or(text(p.EMSP), "nobody who is known"))
	b.WriteString(", booked in " + p.Month + "\n")
	amount := func(a *amountJSON) string {
		if a == nil {
			return "not known"
		}
		return fmt.Sprintf("%s %s before tax, %s after tax", p.Currency, cmp.Or(text(a.ExclVAT), "not known"), cmp.Or(text(a.InclVAT), "not known"))
	}
	switch p.Result.Status {
	case pricing.Rejected.String():
		fmt.Fprintf(b, "Not priced (%s): %s\n", p.Result.Reason, p.Result.Detail)
	case pricing.Credited.String():
		b.WriteString("A credit: it is booked with what it claims, and not priced.\n")
	}
	if p.Text != nil {
		b.WriteString(*p.Text)
	} else {
		b.WriteString("Claimed: " + amount(p.Result.Claimed) + "\n")
	}
	var why pricing.Reconciliation
	if err := json.Unmarshal(p.Result.Reconciliation, &why); err == nil && why.Verdict != "" {
		b.WriteString(why.Sentence() + "\n")
		for _, r := range why.Readings {
			fmt.Fprintf(b, "- %s: %s\n", r.Code, r.Detail)
		}
	}
	writeFindings(b, "Findings of its price", p.Findings)
}
