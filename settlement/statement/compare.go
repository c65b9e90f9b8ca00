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
	ours, theirs := d.Ours.members(), d.Theirs.members()
	for i := range ours {
		if ours[i].Ours != theirs[i].Ours {
			differ = append(differ, Member{ours[i].Name, ours[i].Ours, theirs[i].Ours})
		}
	}
	return differ
}

func (l *Line) members() [10]Member {
	return [...]Member{
		{"kind", string(l.Kind), ""}, {"of", l.Of, ""}, {"country", l.Country, ""}, {"start", second(l.Start), ""}, {"end", second(l.End), ""},
		{"kwh", text(l.KWh), ""}, {"net", l.Net.String(), ""}, {"tax", text(l.LineTax), ""},
		{"category", string(l.Category), ""}, {"rate", rateOf(l.Tax), ""},
	}
}
