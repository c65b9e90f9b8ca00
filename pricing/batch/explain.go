package batch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// WriteText prices one request and writes for a billing clerk how the price
// came about, why it is not the partner's where it is not, and what else is
// noteworthy. The error is that of the request, with verdict Bad, or of w.
func (p *Pricer) WriteText(w io.Writer, r *Request) (Verdict, error) {
	verdict, err := p.explain(r)
	if verdict == Bad {
		return verdict, err
	}
	var b bytes.Buffer
	if err != nil { // a tariff beside the CDR cannot be priced with
		fmt.Fprintf(&b, "Not priced (%s): %s.\n", p.result.Reason, p.result.Detail)
	} else if err := p.engine.Explain(&p.in, &p.result).Text(&b); err != nil {
		return verdict, err
	}
	if verdict == Differs {
		p.reconcileText(&b)
	}
	first := true
	for _, list := range [...][]ocpi.Finding{p.findings, p.result.Findings} {
		for i := range list {
			if first {
				b.WriteString("\nFindings\n")
			}
			first = false
			path := list[i].Path
			if path == "" {
				path = "$"
			}
			fmt.Fprintf(&b, "%-7s %s: %s: %s\n", list[i].Severity, path, list[i].Code, list[i].Detail)
		}
	}
	_, err = w.Write(b.Bytes())
	return verdict, err
}

// WriteJSON is WriteText as one JSON object: the answer of a line, with the
// members "reconciliation" where the totals differ and "explanation" where
// there is a price.
func (p *Pricer) WriteJSON(w io.Writer, r *Request) (Verdict, error) {
	verdict, err := p.explain(r)
	if verdict == Bad {
		return verdict, err
	}
	p.request, p.cause = *r, p.cause[:0]
	answer, _ := p.answer(nil, 0, err)
	answer = answer[:len(answer)-1]
	if verdict == Differs {
		answer = p.appendReconciliation(append(answer, `,"reconciliation":`...))
	}
	if verdict != Unpriced {
		answer = p.engine.Explain(&p.in, &p.result).AppendJSON(append(answer, `,"explanation":`...))
	}
	_, err = w.Write(append(answer, "}\n"...))
	return verdict, err
}

// explain prices a request and audits its CDR. An error with another verdict
// than Bad is a tariff beside the CDR that cannot be priced with.
func (p *Pricer) explain(r *Request) (Verdict, error) {
	out := &p.result
	err := p.guarded(r, out)
	if u, ok := errors.AsType[*tariff.Unpriceable](err); ok {
		*out = tariff.Result{Reason: u.Code, Detail: u.Detail}
		return Unpriced, err
	}
	if err != nil {
		return Bad, err
	}
	fine := p.fine()
	out.Findings = p.engine.Audit(&fine)
	switch {
	case !out.OK:
		return Unpriced, nil
	case out.Claim == tariff.ClaimDiffers:
		return Differs, nil
	case out.Claim == tariff.ClaimAbsent:
		return Absent, nil
	}
	return Agrees, nil
}

// reconcileText says which reading gives the partner's total.
func (p *Pricer) reconcileText(b *bytes.Buffer) {
	fine := p.fine()
	rec := p.engine.Reconcile(&fine, p.cdr.TotalCost)
	b.WriteByte('\n')
	switch rec.Verdict {
	case tariff.VerdictStated:
		fmt.Fprintf(b, "No reading of the tariff reproduces the partner's total. It is %s: %s.\n", rec.Readings[0].Code, rec.Readings[0].Detail)
	case tariff.VerdictFound:
		if rec.Readings[0].Code == tariff.OwnSum {
			fmt.Fprintf(b, "The partner's total contradicts the CDR itself, %s: %s.\n", rec.Readings[0].Code, rec.Readings[0].Detail)
			break
		}
		fmt.Fprintf(b, "The partner's total is reproduced by one reading, %s: %s.\n", rec.Readings[0].Code, rec.Readings[0].Detail)
	case tariff.VerdictSeveral:
		b.WriteString("The partner's total is reproduced by several readings:\n")
		for _, reading := range rec.Readings {
			fmt.Fprintf(b, "- %s: %s.\n", reading.Code, reading.Detail)
		}
	case tariff.VerdictCutShort:
		b.WriteString("None of the readings that were tried reproduces the partner's total.\n")
	default:
		b.WriteString("No known reading of the tariff reproduces the partner's total.\n")
	}
	if rec.CutShort {
		b.WriteString("The CDR is too large for every reading to be tried.\n")
	}
	if rec.Difference.Excl.IsSet() || rec.Difference.Incl.IsSet() {
		fmt.Fprintf(b, "Difference, the partner's less ours: %s before tax, %s after tax.\n", known(rec.Difference.Excl), known(rec.Difference.Incl))
	}
	if len(rec.Dimensions) > 0 {
		fmt.Fprintf(b, "The partner's own sub-totals differ in: %s.\n", strings.Join(rec.Dimensions, ", "))
	}
}

func known(n ocpi.Number) string {
	if !n.IsSet() {
		return "unknown"
	}
	return n.String()
}

func (p *Pricer) appendReconciliation(dst []byte) []byte {
	fine := p.fine()
	rec := p.engine.Reconcile(&fine, p.cdr.TotalCost)
	dst = appendString(append(dst, `{"verdict":`...), string(rec.Verdict))
	dst = append(dst, `,"readings":[`...)
	for i := range rec.Readings {
		reading := &rec.Readings[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(append(dst, `{"code":`...), reading.Code)
		dst = appendString(append(dst, `,"detail":`...), reading.Detail)
		dst = append(p.appendMoney(append(dst, `,"total_cost":`...), reading.Total), '}')
	}
	dst = p.appendMoney(append(dst, `],"difference":`...), rec.Difference)
	dst = append(dst, `,"dimensions":[`...)
	for i, dimension := range rec.Dimensions {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, dimension)
	}
	dst = append(dst, ']')
	if rec.CutShort {
		dst = append(dst, `,"cut_short":true`...)
	}
	return append(dst, '}')
}
