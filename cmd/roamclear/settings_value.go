package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// secret is a text that is never printed.
type secret string

// String implements fmt.Stringer.
func (s secret) String() string {
	if s == "" {
		return ""
	}
	return "(set)"
}

// MarshalYAML implements yaml.Marshaler.
func (s secret) MarshalYAML() (any, error) { return s.String(), nil }

// put keeps a value from YAML, the environment, a flag or the table, and says
// what was wanted where it is of another kind. None is 0, "" or no value.
func put(at, value any) (want string) {
	ok := false
	switch at := at.(type) {
	case *string:
		*at, ok = asText(value)
		want = "one value"
	case *secret:
		var text string
		text, ok = asText(value)
		*at, want = secret(text), "one value"
	case *int64:
		*at, ok = asWhole(value)
		want = "a whole number"
	case *int:
		var n int64
		n, ok = asWhole(value)
		*at, want = int(n), "a whole number"
	case *bool:
		*at, ok = asBool(value)
		want = "true or false"
	case *time.Duration:
		*at, ok = asDuration(value)
		want = "a time such as 30s"
	case *[]string:
		*at, ok = asList(value)
		want = "a list of values"
	}
	if ok {
		return ""
	}
	return want
}

func asWhole(value any) (int64, bool) {
	switch v := value.(type) {
	case nil:
		return 0, true
	case int:
		return int64(v), true
	case int64:
		return v, true
	case float64: // YAML's 1e9
		return int64(v), v == math.Trunc(v) && math.Abs(v) < 1<<53
	case string:
		if v == "" {
			return 0, true
		}
		n, err := strconv.ParseInt(v, 0, 64)
		return n, err == nil
	}
	return 0, false
}

func asBool(value any) (b, ok bool) {
	switch v := value.(type) {
	case nil:
		return false, true
	case bool:
		return v, true
	case string:
		if v == "" {
			return false, true
		}
		b, err := strconv.ParseBool(v)
		return b, err == nil
	}
	return false, false
}

func asDuration(value any) (time.Duration, bool) {
	text, ok := asText(value)
	if !ok || text == "" {
		return 0, ok
	}
	d, err := time.ParseDuration(text)
	return d, err == nil
}

func asText(value any) (string, bool) {
	switch v := value.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case int, int64, uint64:
		return fmt.Sprint(v), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	}
	return "", false
}

// asList reads a list; one text is a list separated by commas.
func asList(value any) ([]string, bool) {
	switch v := value.(type) {
	case []string:
		return slices.Clone(v), true
	case []any:
		list := make([]string, len(v))
		for i, e := range v {
			text, ok := asText(e)
			if !ok {
				return nil, false
			}
			list[i] = text
		}
		return list, true
	}
	text, ok := asText(value)
	if !ok || text == "" {
		return nil, ok
	}
	return strings.Split(text, ","), true
}
