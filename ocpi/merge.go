package ocpi

// MergeObject applies a PATCH to a client-owned object (R-OWN-05): members of
// the patch replace those of the base, null clears one, everything else stays
// as it is, members we do not know included. Errors about the patch:
// *SyntaxError, *Invalid. Whether the result is a valid object is for the
// Decoder to say.
func MergeObject(base, patch []byte) ([]byte, error) {
	o, err := splitStored(base)
	if err != nil {
		return nil, err
	}
	p, err := splitObject(patch, "$")
	if err != nil {
		return nil, err
	}
	for _, m := range p {
		o = o.set(m)
	}
	return o.Bytes(), nil
}

// MergeSession applies a PATCH to a Session: like MergeObject, but
// charging_periods are appended (R-SESS-03). A period that starts when one of
// the base starts replaces it, so that a repeated PATCH changes nothing
// (R-SESS-04). An absent, null or empty list leaves the periods alone.
func MergeSession(base, patch []byte) ([]byte, error) {
	const periods = "charging_periods"
	o, err := splitStored(base)
	if err != nil {
		return nil, err
	}
	p, err := splitObject(patch, "$")
	if err != nil {
		return nil, err
	}
	added, err := SplitArray(p.Value(periods), periods)
	if err != nil {
		return nil, err
	}
	for _, m := range p {
		if m.Name != periods {
			o = o.set(m)
		}
	}
	if len(added) == 0 {
		return o.Bytes(), nil
	}
	known, err := SplitArray(o.Value(periods), periods)
	if err != nil {
		known = nil // what was sent first is no list: it has no periods
	}
	return o.setPlain(periods, JoinArray(mergePeriods(known, added))).Bytes(), nil
}

func mergePeriods(known, added []string) []string {
	at := make(map[string]int, len(known)+len(added))
	for i, k := range known {
		at[periodKey(k)] = i
	}
	for _, a := range added {
		if a == "null" {
			continue
		}
		key := periodKey(a)
		if j, ok := at[key]; ok {
			known[j] = a
			continue
		}
		at[key] = len(known)
		known = append(known, a)
	}
	return known
}

// periodKey returns what a period is known by: its start, so that one instant
// has one spelling. One without a start is known by all it says, so that a
// repeated PATCH changes nothing.
func periodKey(period string) string {
	o, err := splitObject(bytesOf(period), "")
	if err != nil {
		return period
	}
	s := o.Text("start_date_time")
	if t, _, err := ParseTime(s); err == nil {
		return t.Go().Format("2006-01-02T15:04:05.999999999")
	}
	if s == "" {
		return period
	}
	return s
}

// LastUpdated returns the last_updated of an object as it was sent; false
// when it has none that can be read.
func LastUpdated(object []byte) (Time, bool) {
	o, err := splitObject(object, "$")
	if err != nil {
		return 0, false
	}
	t, _, err := ParseTime(o.Text("last_updated"))
	return t, err == nil
}
