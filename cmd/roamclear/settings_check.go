package main

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// check reports what is wrong with the value kept at a place: the value, and
// what is wanted.
type check func(at any) error

func anything(any) error { return nil }

// text makes a check of a text.
func text(ok func(string) bool, want string) check {
	return func(at any) error {
		s := *at.(*string)
		switch {
		case ok(s):
			return nil
		case s == "":
			s = `""`
		}
		return fmt.Errorf("%s: %s", s, want)
	}
}

func given(want string) check { return text(func(s string) bool { return s != "" }, want) }

func oneOf(values ...string) check {
	return text(func(s string) bool { return slices.Contains(values, s) }, "want "+enumerate(values))
}

// enumerate writes "debug, info, warn or error".
func enumerate(values []string) string {
	last := len(values) - 1
	return strings.Join(values[:last], ", ") + " or " + values[last]
}

func isAddress(s string) bool {
	_, _, err := net.SplitHostPort(s)
	return err == nil
}

func isAddressOrNone(s string) bool { return s == "" || isAddress(s) }

func isWebURL(s string) bool {
	u, err := url.Parse(s)
	return s == "" || err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}

// isParty matches a party as settings and flags have it: country, slash, id.
var isParty = regexp.MustCompile(`^[A-Za-z]{2}/[A-Za-z0-9]{1,3}$`).MatchString

// areIssuers checks a list of provider ids and the parties whose they are.
func areIssuers(at any) error {
	_, err := ocpi.ParseIssuers(*at.(*[]string))
	return err
}

// someOf checks a list of some of a few words.
func someOf(words ...string) check {
	want := "want some of " + strings.Join(words, ", ")
	return func(at any) error {
		list := *at.(*[]string)
		if len(list) == 0 {
			return fmt.Errorf("none: %s", want)
		}
		for _, word := range list {
			if !slices.Contains(words, word) {
				return fmt.Errorf("%s: %s", word, want)
			}
		}
		return nil
	}
}

// orZero lets 0 pass, which leaves the value to us.
func orZero(c check) check {
	return func(at any) error {
		if n, ok := at.(*int64); ok && *n == 0 {
			return nil
		}
		return c(at)
	}
}

// lasting checks a time.
func lasting(low, high time.Duration) check {
	return func(at any) error {
		if d := *at.(*time.Duration); d < low || d > high {
			return fmt.Errorf("%v: want %v to %v", d, low, high)
		}
		return nil
	}
}

// between checks a whole number.
func between(low, high int64, unit string) check {
	return func(at any) error {
		value, ok := at.(*int64)
		if !ok {
			n := int64(*at.(*int))
			value = &n
		}
		if *value < low || *value > high {
			return fmt.Errorf("%d: want %d to %d %s", *value, low, high, unit)
		}
		return nil
	}
}
