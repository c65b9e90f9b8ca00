package tariff

import "slices"

// Other tariffs and other versions of them, as readings of a partner's total.

// tryTariffs prices with every other tariff at hand.
func (r *reconciler) tryTariffs() {
	first := *r.profile()
	first.Choice = ChooseFirstValid
	for i, t := range r.in.Tariffs {
		if t == nil || r.uses(UsedTariff{false, i}) {
			continue
		}
		c := *r.in.CDR
		c.Tariffs = nil
		in := *r.in
		in.CDR, in.Embedded, in.Tariffs, in.Profile = &c, nil, r.in.Tariffs[i:i+1], &first
		r.try("tariff_of_another_version", versionText(t), &in)
	}
	for i := range r.in.CDR.Tariffs {
		if r.uses(UsedTariff{true, i}) {
			continue
		}
		c := *r.in.CDR
		c.Tariffs = c.Tariffs[i : i+1]
		in := *r.in
		in.CDR, in.Profile, in.Embedded = &c, &first, nil
		if i < len(r.in.Embedded) {
			in.Embedded = r.in.Embedded[i : i+1]
		}
		r.try("another_tariff_of_the_cdr", "priced with tariff "+c.Tariffs[0].ID+" for every period", &in)
	}
}

// tryVersions prices with Input.Others, each in the place of the tariff it is
// a version of.
func (r *reconciler) tryVersions() {
	for _, t := range r.in.Others {
		c := *r.in.CDR
		in := *r.in
		in.CDR, in.Embedded, c.Tariffs = &c, nil, nil
		in.Tariffs = []*Prepared{t}
		for i := range r.in.CDR.Tariffs {
			if sameID(r.in.CDR.Tariffs[i].ID, t.id) {
				continue
			}
			c.Tariffs = append(c.Tariffs, r.in.CDR.Tariffs[i])
			if i < len(r.in.Embedded) {
				in.Embedded = append(in.Embedded, r.in.Embedded[i])
			}
		}
		for _, other := range r.in.Tariffs {
			if other != nil && !sameID(other.id, t.id) {
				in.Tariffs = append(in.Tariffs, other)
			}
		}
		if r.price(&in, &r.out) && slices.Contains(r.out.Used, UsedTariff{false, 0}) {
			r.offerBy(&in, "tariff_of_another_version", versionText(t), r.out.Known())
		}
	}
}

// versionText says that a tariff, which its last_updated tells from its other
// versions, was used instead.
func versionText(t *Prepared) string {
	updated := "at an unknown time"
	if t.updated.IsSet() {
		updated = t.updated.String()
	}
	return "priced with the version of tariff " + t.id + " that was last updated " + updated
}

func (r *reconciler) uses(t UsedTariff) bool {
	return slices.Contains(r.base.Used, t)
}
