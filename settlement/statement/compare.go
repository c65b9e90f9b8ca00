package statement

// Difference is a line in which two statements differ: one of the two is nil where only
// the other has it.
type Difference struct {
	Ours, Theirs *Line
}

// Compare returns the lines in which two statements differ, in their order.
func Compare(ours, theirs []Line) (differ []Difference) {
	i, j := 0, 0
	for i < len(ours) || j < len(theirs) {
		c := 0
		switch {
		case i == len(ours):
			c = 1
		case j == len(theirs):
			c = -1
		default:
			c = compareLines(ours[i], theirs[j])
		}
		var d Difference
		if c <= 0 {
			d.Ours = &ours[i]
			i++
		}
		if c >= 0 {
			d.Theirs = &theirs[j]
			j++
		}
		if c != 0 || len(d.Members()) > 0 {
			differ = append(differ, d)
		}
	}
	return differ
}

// Member is a member in which two lines differ, by its name in the canonical form.
type Member struct {
	Name         string
	Ours, Theirs string // "" = null
}

// Members returns the members in which the two lines differ, none where one is missing.
func (d *Difference) Members() (differ []Member) {
	if d.Ours == nil || d.Theirs == nil {
		return nil
	}
	ours, theirs := d.Ours.Cells(), d.Theirs.Cells()
	for i, name := range lineMembers {
		if ours[i] != theirs[i] {
			differ = append(differ, Member{name, ours[i], theirs[i]})
		}
	}
	return differ
}

// lineMembers are the members of a line in the canonical form.
var lineMembers = [...]string{"cdr", "kind", "of", "belongs", "country", "start", "end", "kwh", "net", "tax", "category", "rate"}

// LineMembers are the members of a line in the canonical form, in their order.
func LineMembers() []string { return lineMembers[:] }

// Cells are the values of the line's members as text, "" for null.
func (l *Line) Cells() []string {
	return []string{l.CDR, string(l.Kind), l.Of, l.Belongs.String(), l.Country, second(l.Start), second(l.End),
		text(l.KWh), l.Net.String(), text(l.LineTax), string(l.Category), rateOf(l.Tax)}
}

// CompareTerms returns in what two statements differ beside their lines and what
// follows from these.
func CompareTerms(ours, theirs *Statement) (differ []Member) {
	for _, m := range []Member{
		{"zone", ours.Zone, theirs.Zone}, {"terms.owed", string(ours.Terms.Owed), string(theirs.Terms.Owed)},
		{"terms.tax", string(ours.Terms.Category), string(theirs.Terms.Category)}, {"terms.rate", rateOf(ours.Terms.Tax), rateOf(theirs.Terms.Tax)},
	} {
		if m.Ours != m.Theirs {
			differ = append(differ, m)
		}
	}
	return differ
}
