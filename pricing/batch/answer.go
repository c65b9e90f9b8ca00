package batch

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// Verdict is how a line ended, for the count at the end.
type Verdict uint8

// Verdicts.
const (
	Agrees   Verdict = iota // with the CDR's own totals
	Differs                 // from them
	Absent                  // priced, but the CDR has no totals to compare
	Unpriced                // readable, but without a price
	Bad                     // not readable
	verdicts
)

// errTooLong is the error of a line that was not read.
var errTooLong = fmt.Errorf("longer than %d MiB: not read", MaxLine>>20)

// Line prices one line of text and appends its answer, with a line feed, to
// dst. number is the line's number from 1, for error messages.
func (p *Pricer) Line(dst, line []byte, number int) ([]byte, Verdict) {
	p.cdr, p.findings = nil, p.findings[:0]
	p.result.Findings, p.cause = p.result.Findings[:0], p.cause[:0]
	err := parseLine(line, &p.request, p.known)
	if err == nil {
		err = p.guarded(&p.request, &p.result)
	}
	if err == nil {
		p.totalDiffers(&p.result)
		err = p.findCause()
	}
	dst, verdict := p.answer(dst, number, err)
	return append(dst, '\n'), verdict
}

// findCause asks why the claim of a line differs.
func (p *Pricer) findCause() (err error) {
	if p.defaults.NoCause || !p.result.OK || p.result.Claim != tariff.ClaimDiffers {
		return nil
	}
	defer p.survive(&err)
	p.cause = p.appendReconciliation(p.cause)
	return nil
}

// tooLong is Line for a line that was not read.
func (p *Pricer) tooLong(dst []byte, number int) []byte {
	p.cdr, p.findings, p.request, p.cause = nil, p.findings[:0], Request{}, p.cause[:0]
	dst, _ = p.answer(dst, number, errTooLong)
	return append(dst, '\n')
}

// answer appends the answer to the request, which err stopped if it is not
// nil. number is that of its line, 0 for none.
func (p *Pricer) answer(dst []byte, number int, err error) ([]byte, Verdict) {
	r, out := &p.request, &p.result
	reason, detail := "", ""
	if u, ok := errors.AsType[*tariff.Unpriceable](err); ok {
		err, reason, detail = nil, u.Code, u.Detail
	} else if err == nil && !out.OK {
		reason, detail = out.Reason, out.Detail
	}
	if err != nil || reason != "" {
		findings := out.Findings
		*out = tariff.Result{}
		if err == nil {
			out.Findings = append(findings, ocpi.Finding{Code: reason, Severity: ocpi.Serious, Detail: detail})
		}
	}
	dst = p.appendID(append(dst, `{"id":`...), r)
	dst = p.appendResult(dst, out)
	verdict := Verdict(0)
	switch {
	case err != nil:
		verdict = Bad
	case reason != "":
		verdict = Unpriced
		dst = appendString(append(dst, `,"reason":`...), reason)
	case out.Claim == tariff.ClaimDiffers:
		verdict = Differs
	case out.Claim == tariff.ClaimAbsent:
		verdict = Absent
	}
	if verdict == Differs && len(p.cause) > 0 {
		dst = append(append(dst, `,"cause":`...), p.cause...)
	}
	dst = p.appendFindings(dst, out)
	if err != nil {
		text := err.Error()
		if number > 0 {
			text = "line " + strconv.Itoa(number) + ": " + text
		}
		dst = appendString(append(dst, `,"error":`...), text)
	}
	return append(dst, '}'), verdict
}

func (p *Pricer) appendID(dst []byte, r *Request) []byte {
	switch {
	case r.ID != nil:
		return append(dst, r.ID...)
	case p.cdr != nil && p.cdr.ID != "":
		return appendString(dst, p.cdr.ID)
	}
	return append(dst, "null"...)
}

// appendResult appends the members from total_cost to claim, each after a comma.
func (p *Pricer) appendResult(dst []byte, out *tariff.Result) []byte {
	dst = p.appendMoney(append(dst, `,"total_cost":`...), out.Total)
	dst = p.appendMoney(append(dst, `,"total_fixed_cost":`...), out.Fixed)
	dst = p.appendMoney(append(dst, `,"total_energy_cost":`...), out.Energy)
	dst = p.appendMoney(append(dst, `,"total_time_cost":`...), out.Time)
	dst = p.appendMoney(append(dst, `,"total_parking_cost":`...), out.Parking)
	dst = p.appendMoney(append(dst, `,"total_reservation_cost":`...), out.Reservation)
	dst = append(dst, `,"taxes":[`...)
	for i := range out.Taxes {
		t := &out.Taxes[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(append(dst, `{"name":`...), t.Name)
		dst = append(dst, `,"percentage":`...)
		if t.Percentage.IsSet() {
			dst = append(t.Percentage.Append(append(dst, '"')), '"')
		} else {
			dst = append(dst, "null"...)
		}
		dst = p.appendAmount(append(dst, `,"amount":`...), t.Amount)
		dst = append(dst, '}')
	}
	dst = append(dst, `],"claim":"`...)
	return append(append(dst, out.Claim.String()...), '"')
}

func (p *Pricer) appendMoney(dst []byte, m tariff.Money) []byte {
	dst = p.appendAmount(append(dst, `{"excl_vat":`...), m.Excl)
	dst = p.appendAmount(append(dst, `,"incl_vat":`...), m.Incl)
	return append(dst, '}')
}

// appendAmount appends an amount as a string with the decimals that were asked
// for; the engine has rounded it to no more than those.
func (p *Pricer) appendAmount(dst []byte, n ocpi.Number) []byte {
	if !n.IsSet() {
		return append(dst, "null"...)
	}
	dst = n.Append(append(dst, '"'))
	if missing := int(p.defaults.Scale) - int(n.Scale()); missing > 0 {
		if n.Scale() == 0 {
			dst = append(dst, '.')
		}
		for range missing {
			dst = append(dst, '0')
		}
	}
	return append(dst, '"')
}

func (p *Pricer) appendFindings(dst []byte, out *tariff.Result) []byte {
	dst = append(dst, `,"findings":[`...)
	first := true
	for _, list := range [...][]ocpi.Finding{p.findings, out.Findings} {
		for i := range list {
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = appendFinding(dst, &list[i])
		}
	}
	return append(dst, ']')
}

func appendFinding(dst []byte, f *ocpi.Finding) []byte {
	dst = appendString(append(dst, `{"code":`...), f.Code)
	dst = appendString(append(dst, `,"severity":`...), f.Severity.String())
	if f.Path != "" {
		dst = appendString(append(dst, `,"path":`...), f.Path)
	}
	if f.Detail != "" {
		dst = appendString(append(dst, `,"detail":`...), f.Detail)
	}
	return append(dst, '}')
}

// appendString appends s as a JSON string.
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				dst = append(append(dst, s[start:i]...), `\ufffd`...)
				start = i + 1
			}
			i += n
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}
