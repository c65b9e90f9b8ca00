package ocpi

import (
	"errors"
	"maps"
	"slices"
	"testing"
)

// oracleMerge applies a patch to a tree: members replace, null clears.
func oracleMerge(base, patch node) node {
	merged := maps.Clone(base)
	for name, value := range patch {
		if value == nil {
			delete(merged, name)
		} else {
			merged[name] = value
		}
	}
	return merged
}

// oracleMergeSession does what R-SESS-03 and R-SESS-04 say; ok is false when
// the patch must be refused, or when the base could not have been stored.
func oracleMergeSession(base, patch node) (merged node, ok bool) {
	const name = "charging_periods"
	rest := maps.Clone(patch)
	delete(rest, name)
	merged = oracleMerge(base, rest)
	added, ok := patch[name].([]any)
	if !ok || len(added) == 0 {
		return merged, ok || patch[name] == nil
	}
	known, ok := base[name].([]any)
	if !ok && base[name] != nil {
		return nil, false
	}
	periods := slices.Clone(known)
	for _, a := range added {
		n, ok := a.(node)
		start, isText := n["start_date_time"].(string)
		if !ok || !isText || start == "" {
			return nil, false
		}
		i := slices.IndexFunc(periods, func(p any) bool {
			n, _ := p.(node)
			other, _ := n["start_date_time"].(string)
			return sameInstant(start, other)
		})
		if i >= 0 {
			periods[i] = a
		} else {
			periods = append(periods, a)
		}
	}
	merged[name] = periods
	return merged, true
}

func sameInstant(a, b string) bool {
	s, okA := oracleTime(a)
	t, okB := oracleTime(b)
	if okA && okB {
		return s == t
	}
	return okA == okB && a == b
}

func FuzzMerge(f *testing.F) {
	for _, patch := range []string{`{}`, `{"kwh":null}`, `{"k\u0077h":2}`, fullSession, `{"evses":[{"uid":"E1","connectors":[{"id":"1","x":null}]}]}`,
		`{"charging_periods":[{"start_date_time":"2020-01-01T01:00:00+01:00"},{"start_date_time":"x"},{"start_date_time":"x","a":1}]}`} {
		f.Add([]byte(fullSession), []byte(patch), "E1", "1")
		f.Add([]byte(mergeLocation), []byte(patch), "", "")
	}
	f.Fuzz(func(t *testing.T, base, patch []byte, evse, connector string) {
		baseTree, baseErr := parseTree(base)
		patchTree, patchErr := parseTree(patch)
		b, baseOK := baseTree.(node)
		p, patchOK := patchTree.(node)
		usable := baseErr == nil && patchErr == nil && baseOK && patchOK

		got, err := MergeObject(base, patch)
		checkMerge(t, usable, got, err, func() (node, bool) { return oracleMerge(b, p), true })
		got, err = MergeSession(base, patch)
		if !hasRepeatedStart(b) {
			checkMerge(t, usable, got, err, func() (node, bool) { return oracleMergeSession(b, p) })
		}
		if baseErr != nil || patchErr != nil {
			_, err = PatchLocation(base, evse, connector, patch)
			if err == nil {
				t.Fatal("PatchLocation takes what is not JSON")
			}
			return
		}
		checkLocationChange(t, base, patch, evse, connector)
	})
}

// hasRepeatedStart reports whether two periods of a base start at the same
// instant, where it is open which of them is replaced.
func hasRepeatedStart(base node) bool {
	periods, _ := base["charging_periods"].([]any)
	for i, p := range periods {
		n, _ := p.(node)
		start, _ := n["start_date_time"].(string)
		for _, q := range periods[:i] {
			n, _ := q.(node)
			if other, _ := n["start_date_time"].(string); sameInstant(start, other) {
				return true
			}
		}
	}
	return false
}

func checkMerge(t *testing.T, usable bool, got []byte, err error, oracle func() (node, bool)) {
	if !usable {
		if err == nil {
			t.Fatalf("merged to %s", got)
		}
		return
	}
	want, ok := oracle()
	if ok != (err == nil) {
		t.Fatalf("got %s, %v, oracle: %v", got, err, want)
	}
	if !ok {
		return
	}
	tree, err := parseTree(got)
	if err != nil || !sameTree(want, tree) {
		t.Fatalf("got  %s, %v\nwant %s", got, err, canonicalTree(want))
	}
}

// checkLocationChange checks what must hold for every change that is taken:
// it is JSON, the changed part can be read, and a PUT body is there as sent.
func checkLocationChange(t *testing.T, base, body []byte, evse, connector string) {
	changed, err := PutEVSE(base, evse, body)
	if err == nil && evse != "" {
		part, ok := Sub(changed, evse, "")
		want, _ := parseTree(body)
		got, err := parseTree(part)
		if errors.Is(err, errTooDeep) {
			return
		}
		if !ok || err != nil || !sameTree(want, got) {
			t.Fatalf("put %s as %q, got %s, %v", body, evse, part, err)
		}
	}
	for _, change := range []func() ([]byte, error){
		func() ([]byte, error) { return PutConnector(base, evse, connector, body) },
		func() ([]byte, error) { return PatchLocation(base, evse, connector, body) },
	} {
		changed, err := change()
		if err != nil {
			continue
		}
		if _, err := parseTree(changed); errors.Is(err, errTooDeep) {
			continue // for the Decoder to refuse
		} else if err != nil {
			t.Fatalf("%s is not JSON: %v", changed, err)
		}
		if _, ok := Sub(changed, evse, connector); !ok {
			t.Fatalf("%s: %q/%q is gone", changed, evse, connector)
		}
	}
}
