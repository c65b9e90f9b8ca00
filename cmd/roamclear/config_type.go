package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/knadh/koanf/v2"
)

// wrongTypes lists the settings whose value is not of the kind that the default
// has: the decoder's own errors name Go types, and it cuts fractions off.
func wrongTypes(settings, defaults *koanf.Koanf) []error {
	var problems []error
	for _, name := range defaults.Keys() {
		value := settings.Get(name)
		ok, want := isText(value), "one value"
		switch defaults.Get(name).(type) {
		case int, int64:
			ok, want = isWhole(value), "a whole number"
		case []string:
			ok, want = isList(value), "a list of values"
		}
		if !ok && value != nil { // one that is not given at all is checked as 0 or ""
			problems = append(problems, fmt.Errorf("%s: %v: want %s", name, value, want))
		}
	}
	return problems
}

// isWhole reports whether the decoder makes the same whole number of a value
// from YAML, the environment or a flag.
func isWhole(value any) bool {
	switch v := value.(type) {
	case int, int64:
		return true
	case float64: // YAML's 1e9
		return v == math.Trunc(v) && math.Abs(v) < 1<<53
	case string:
		_, err := strconv.ParseInt(v, 0, 64)
		return err == nil || v == ""
	}
	return false
}

func isText(value any) bool {
	switch value.(type) {
	case string, int, int64, uint64, float64:
		return true
	}
	return false
}

func isList(value any) bool {
	switch v := value.(type) {
	case []string:
		return true
	case []any:
		return !slices.ContainsFunc(v, func(e any) bool { return !isText(e) })
	}
	return isText(value)
}
