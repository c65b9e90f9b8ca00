package settlement

import "iter"

// HeldReceipt is a receipt as it is held against another's.
type HeldReceipt struct {
	ReceiptTexts
	Line     int    // of the partner's file, from 1
	Day      string // what is here is counted on, such as 2019-06-01
	Conflict bool   // what is here came again with another content
}

// ReceiptPair is a CDR that one or both of two parties have: Ours is nil where it is not
// here, Theirs where it is not in the file.
type ReceiptPair struct {
	Ours, Theirs *HeldReceipt
	// Twice is the line of the file that had the CDR before, where it is in there once more:
	// that line was held against what is here.
	Twice int
}

// ReceiptKind says how a CDR differs.
type ReceiptKind string

// How a CDR differs.
const (
	ReceiptSame     ReceiptKind = ""
	ReceiptMissing  ReceiptKind = "missing"  // in the file, not here
	ReceiptExtra    ReceiptKind = "extra"    // here, not in the file
	ReceiptDiffers  ReceiptKind = "differs"  // in both
	ReceiptRepeated ReceiptKind = "repeated" // once more in the file
)

// Kind says how the CDR differs.
func (p *ReceiptPair) Kind() ReceiptKind {
	switch {
	case p.Twice != 0:
		return ReceiptRepeated
	case p.Ours == nil:
		return ReceiptMissing
	case p.Theirs == nil:
		return ReceiptExtra
	case p.Ours.ReceiptTexts == p.Theirs.ReceiptTexts:
		return ReceiptSame
	}
	return ReceiptDiffers
}

// ID is the id of the CDR.
func (p *ReceiptPair) ID() string {
	if p.Ours != nil {
		return p.Ours.ID()
	}
	return p.Theirs.ID()
}

// ReceiptField is a field in which two receipts differ; a value of "" is not known.
type ReceiptField struct{ Name, Ours, Theirs string }

// Fields are those in which a CDR differs that both have.
func (p *ReceiptPair) Fields() (list []ReceiptField) {
	if p.Kind() != ReceiptDiffers {
		return nil
	}
	for i, name := range ReceiptFields {
		if ours, theirs := p.Ours.ReceiptTexts[i], p.Theirs.ReceiptTexts[i]; ours != theirs {
			list = append(list, ReceiptField{name, ours, theirs})
		}
	}
	return list
}

// CompareReceipts holds a partner's file against what is here, both in the order of ids,
// and what the file has of one id in that of its lines. fn is called in that order with
// each CDR, what is the same included.
func CompareReceipts(ours, theirs iter.Seq2[*HeldReceipt, error], fn func(*ReceiptPair) error) error {
	o, t := newPulled(ours), newPulled(theirs)
	defer o.stop()
	defer t.stop()
	err := o.step()
	if err == nil {
		err = t.step()
	}
	for err == nil && (o.at != nil || t.at != nil) {
		p := ReceiptPair{Ours: o.at, Theirs: t.at}
		switch {
		case o.at == nil || t.at == nil:
		case o.at.ID() < t.at.ID():
			p.Theirs = nil
		case t.at.ID() < o.at.ID():
			p.Ours = nil
		}
		err = fn(&p)
		if err == nil && p.Ours != nil {
			err = o.step()
		}
		if err == nil && p.Theirs != nil {
			err = t.repeats(p.Theirs, fn)
		}
	}
	return err
}

// pulled takes receipts from a sequence one by one; at is nil at its end.
type pulled struct {
	next func() (*HeldReceipt, error, bool)
	stop func()
	at   *HeldReceipt
}

func newPulled(from iter.Seq2[*HeldReceipt, error]) *pulled {
	next, stop := iter.Pull2(from)
	return &pulled{next: next, stop: stop}
}

func (p *pulled) step() (err error) {
	p.at, err, _ = p.next()
	return err
}

// repeats goes on behind one receipt, and calls fn for those of the same CDR.
func (p *pulled) repeats(of *HeldReceipt, fn func(*ReceiptPair) error) error {
	for {
		err := p.step()
		if err != nil || p.at == nil || p.at.ID() != of.ID() {
			return err
		}
		if err := fn(&ReceiptPair{Theirs: p.at, Twice: of.Line}); err != nil {
			return err
		}
	}
}
