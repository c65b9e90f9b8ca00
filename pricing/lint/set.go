package lint

// span is a half-open range of whole numbers: minutes of the week, or the
// atoms an axis is cut into.
type span struct{ from, to int32 }

// set is a union of spans, sorted, disjoint and not touching.
type set []span

// interval returns the set of one span, empty when it is.
func interval(from, to int32) set {
	if from >= to {
		return nil
	}
	return set{{from, to}}
}

// union merges the spans of both sets.
func union(a, b set) set {
	merged := make(set, 0, len(a)+len(b))
	for len(a) > 0 || len(b) > 0 {
		var next span
		if len(b) == 0 || len(a) > 0 && a[0].from <= b[0].from {
			next, a = a[0], a[1:]
		} else {
			next, b = b[0], b[1:]
		}
		if last := len(merged) - 1; last >= 0 && next.from <= merged[last].to {
			merged[last].to = max(merged[last].to, next.to)
			continue
		}
		merged = append(merged, next)
	}
	return merged
}

// intersect returns what is in both sets.
func intersect(a, b set) set {
	var both set
	for len(a) > 0 && len(b) > 0 {
		if from, to := max(a[0].from, b[0].from), min(a[0].to, b[0].to); from < to {
			both = append(both, span{from, to})
		}
		if a[0].to < b[0].to {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return both
}

// disjoint reports whether the sets have nothing in common.
func disjoint(a, b set) bool {
	for len(a) > 0 && len(b) > 0 {
		if max(a[0].from, b[0].from) < min(a[0].to, b[0].to) {
			return false
		}
		if a[0].to < b[0].to {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return true
}

// subtract returns what is in a but not in b.
func subtract(a, b set) set {
	var rest set
	for _, s := range a {
		from := s.from
		for _, cut := range b {
			if cut.to <= from || cut.from >= s.to {
				continue
			}
			if cut.from > from {
				rest = append(rest, span{from, cut.from})
			}
			from = max(from, cut.to)
		}
		if from < s.to {
			rest = append(rest, span{from, s.to})
		}
	}
	return rest
}

// size returns how many numbers are in the set.
func (s set) size() (n int32) {
	for _, x := range s {
		n += x.to - x.from
	}
	return n
}
