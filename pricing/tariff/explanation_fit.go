package tariff

import "github.com/roamclear/roamclear/ocpi"

// ExplanationLimit returns how many bytes of JSON the explanation of a CDR may
// take, by the size of its body: an explanation says more than the CDR does, but
// not without bound.
func ExplanationLimit(body int) int { return max(16<<10, 4*body) }

// More is what lines that do not fit an explanation come to.
type More struct {
	Lines  int
	Amount Money // the sum of their rounded amounts
}

// AppendWithin is AppendJSON in at most limit bytes. What does not fit is left
// out in this order, and counted: why earlier elements did not apply, the last
// such reasons first; where there was no price, period by period; lines, the last
// first, which are summed up. The explanation says afterwards what it stored.
//
// At the least it names the tariffs, taxes and totals: an [ExplanationLimit]
// always has room for them.
func (x *Explanation) AppendWithin(b []byte, limit int) []byte {
	from := len(b)
	for _, leaveOut := range [...]func(excess int){x.leaveOutMisses, x.mergeUnpriced, x.leaveOutLines} {
		b = x.AppendJSON(b[:from])
		size := len(b) - from
		if size <= limit {
			return b
		}
		leaveOut(size - limit)
	}
	return x.AppendJSON(b[:from])
}

// leaveOutFrame is about what the members that count what was left out take.
const leaveOutFrame = 120

// leaveOutMisses leaves reasons out, from the last on, until some bytes are saved.
func (x *Explanation) leaveOutMisses(excess int) {
	excess += leaveOutFrame
	for _, lines := range [...][]Line{x.Unpriced, x.Lines} {
		for i := len(lines) - 1; i >= 0; i-- {
			segments := lines[i].Segments
			for j := len(segments) - 1; j >= 0 && excess > 0; j-- {
				s := &segments[j]
				if len(s.Missed) == 0 {
					continue
				}
				excess -= len(s.appendMissed(nil))
				x.MissesLeftOut += len(s.Missed)
				s.Missed = nil
			}
		}
	}
	x.keepElements()
}

// mergeUnpriced says of each dimension only how much had no price.
func (x *Explanation) mergeUnpriced(int) {
	for i := range x.Unpriced {
		l := &x.Unpriced[i]
		if n := len(l.Segments); n > 1 {
			l.Segments[0].Last, l.Segments[0].Quantity = l.Segments[n-1].Last, l.Measured
			l.Segments = l.Segments[:1]
			x.Truncated = true
		}
	}
}

// leaveOutLines sums lines up, from the last on, until some bytes are saved and
// the sum is one that can be written.
func (x *Explanation) leaveOutLines(excess int) {
	excess += leaveOutFrame
	var scratch []byte
	keep := len(x.Lines)
	for keep > 0 && excess > 0 {
		keep--
		l := &x.Lines[keep]
		scratch = l.append(scratch[:0])
		excess -= len(scratch) + len(",")
		if keep > 0 && x.Lines[keep-1].Tariff == l.Tariff && x.Lines[keep-1].Element == l.Element {
			continue // its element stays
		}
		if e := x.element(l.Tariff, l.Element); e != nil {
			scratch = e.append(scratch[:0])
			excess -= len(scratch)
		}
	}
	for {
		more, ok := sumOf(x.Lines[keep:])
		if ok || keep == 0 {
			x.More, x.Lines = more, x.Lines[:keep]
			break
		}
		keep--
	}
	x.keepElements()
}

// sumOf adds lines up; ok is false where the sum has more digits than a number.
func sumOf(lines []Line) (more More, ok bool) {
	var a arith
	var excl, incl int128
	exclKnown, inclKnown, scale := true, true, uint8(0)
	for i := range lines {
		m := &lines[i].Amount
		exclKnown, inclKnown = exclKnown && m.Excl.IsSet(), inclKnown && m.Incl.IsSet()
		excl, incl = a.add(excl, int128Of(m.Excl.Coef())), a.add(incl, int128Of(m.Incl.Coef()))
		scale = max(scale, m.Excl.Scale(), m.Incl.Scale()) // amounts have one scale; an unset one has none
	}
	more.Lines, ok = len(lines), true
	for _, side := range [...]struct {
		known bool
		sum   int128
		to    *ocpi.Number
	}{{exclKnown, excl, &more.Amount.Excl}, {inclKnown, incl, &more.Amount.Incl}} {
		if !side.known {
			continue
		}
		coef, fits := side.sum.int64()
		if !fits || coef > maxCoefficient || coef < -maxCoefficient {
			ok = false
			continue
		}
		*side.to = ocpi.NewNumber(coef, scale)
	}
	return more, ok
}

// keepElements drops the elements that nothing speaks of any more.
func (x *Explanation) keepElements() {
	type at struct{ tariff, element int }
	spoken := map[at]bool{}
	for i := range x.Lines {
		spoken[at{x.Lines[i].Tariff, x.Lines[i].Element}] = true
	}
	for _, lines := range [...][]Line{x.Lines, x.Unpriced} {
		for i := range lines {
			for _, s := range lines[i].Segments {
				for _, m := range s.Missed {
					spoken[at{lines[i].Tariff, m.Element}] = true
				}
			}
		}
	}
	for i := range x.Tariffs {
		t := &x.Tariffs[i]
		kept := t.Elements[:0]
		for _, e := range t.Elements {
			if spoken[at{i, e.Index}] {
				kept = append(kept, e)
			}
		}
		t.Elements = kept
	}
}

func (x *Explanation) element(tariff, element int) *ElementRef {
	elements := x.Tariffs[tariff].Elements
	for i := range elements {
		if elements[i].Index == element {
			return &elements[i]
		}
	}
	return nil
}
