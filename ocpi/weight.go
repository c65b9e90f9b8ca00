package ocpi

// weight says what hangs on the member that is being read, and so what it means
// that it cannot be read. The body is accepted whichever it is: a partner does
// not send again.
type weight uint8

const (
	light   weight = iota // nobody counts on it: a warning
	settles               // what is claimed, by whom or when: a serious finding
	prices                // the price rests on it: a serious finding, and no price
)

// missingField is the finding that a required member is not there.
const missingField = "missing_field"

// maxUnread bounds what is listed of one CDR, Session or Tariff: one is enough
// for there to be no price.
const maxUnread = 10

// unread lists a member that is there and cannot be read.
func (d *Decoder) unread(name, reason string) {
	severity := Warning
	if d.weight > light {
		severity = Serious
	}
	d.find("unreadable_member", severity, name, reason)
	if d.weight == prices {
		d.spoil(name, reason)
	}
}

// spoil notes that there is no price for want of a member.
func (d *Decoder) spoil(name, reason string) {
	if d.err == nil && len(d.unreadable) < maxUnread {
		d.unreadable = append(d.unreadable, FieldError{d.pathTo(name), reason})
	}
}

// lacks lists a member that is missing although OCPI requires it. ok says that
// its value is known to be there; otherwise one that was sent and cannot be
// read has been listed by its reader, and only a missing one is left to list.
func (d *Decoder) lacks(o *object, ok bool, name string, w weight) {
	if ok || d.err != nil || d.has(o, name) {
		return
	}
	severity := Warning
	if w > light {
		severity = Serious
	}
	d.find(missingField, severity, name, "OCPI requires this member")
	if w == prices {
		d.spoil(name, "missing")
	}
}

// expect lists a required member that is missing but nothing depends on.
func (d *Decoder) expect(o *object, ok bool, name string) { d.lacks(o, ok, name, light) }

// isObject reports whether an object comes next, or an array that holds one
// object and nothing else: that object then. Anything else is skipped and
// listed, a null member without a word, being absent.
func (d *Decoder) isObject(name string) bool {
	c := d.peek()
	switch {
	case c == '{':
		return true
	case c == 'n' && name != "":
		d.literal("null")
		return false
	case c != '[':
		d.wrongKind(name, "an object")
		return false
	}
	end, ok := d.isOnly(name, "an object")
	if ok && d.peek() == '{' {
		d.resumes = append(d.resumes, resume{len(d.names), end})
		return true
	}
	if ok {
		d.pos = end
		d.unread(name, "want an object, got an array")
	}
	return false
}

// isArray reports whether an array comes next, or a value that would be its only
// element: first is the byte such elements start with. Anything else is skipped
// and listed as by isObject.
func (d *Decoder) isArray(name string, first byte) bool {
	c := d.peek()
	switch c {
	case '[':
		return true
	case 'n':
		d.literal("null")
	case first:
		d.only = true
		d.find("wrong_type", Warning, name, "want an array, got "+kind(c)+": read as its only element")
		return true
	default:
		d.wrongKind(name, "an array")
	}
	return false
}

// isOnly goes to the only element of the array that comes next, and returns
// where the array ends. An empty one, which counts as absent, and one with
// several elements are skipped and listed.
func (d *Decoder) isOnly(name, want string) (end int, ok bool) {
	start := d.pos
	d.skip()
	end = d.pos
	if d.err != nil {
		return end, false
	}
	d.pos = start + 1
	if d.peek() == ']' {
		d.pos = end
		d.find("wrong_type", Warning, name, "want "+want+", got an empty array: counts as absent")
		return end, false
	}
	element := d.pos
	d.skip()
	if d.peek(); d.pos+1 != end {
		d.pos = end
		d.unread(name, "want "+want+", got an array")
		return end, false
	}
	d.pos = element
	d.find("wrong_type", Warning, name, "want "+want+", got an array: its only element is read")
	return end, true
}

// scalar is isOnly for a value that is neither object nor array.
func (d *Decoder) scalar(name, want string) (end int, ok bool) {
	end, ok = d.isOnly(name, want)
	if ok && (d.peek() == '{' || d.peek() == '[') {
		d.pos = end
		d.unread(name, "want "+want+", got an array")
		return end, false
	}
	return end, ok
}

// isNull reports whether the element that more went to is null.
func (d *Decoder) isNull() bool { return d.pos < len(d.src) && d.src[d.pos] == 'n' }

// nothing skips an element of an array that is null, and lists it.
func (d *Decoder) nothing() {
	d.literal("null")
	d.find("empty_element", Warning, "", "null in a list stands for nothing: left out")
}
