package rest

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/roamclear/roamclear/ocpi"
)

// Bounds of a page of a list.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
)

// Unknown, in place of a party, asks for what names no party.
const Unknown = "unknown"

// Params reads query parameters and keeps the first error.
type Params struct {
	values url.Values
	err    error
}

// NewParams refuses names that are not known, names given twice and names without
// a value: a filter that went wrong must never answer more than was asked for.
func NewParams(values url.Values, known ...string) *Params {
	p := &Params{values: values}
	for name, v := range values {
		switch {
		case !slices.Contains(known, name):
			p.Fail(Invalid(name, "no such parameter; known are: %s", strings.Join(known, ", ")))
		case len(v) > 1:
			p.Fail(Invalid(name, "given %d times", len(v)))
		case v[0] == "":
			p.Fail(Invalid(name, "empty: give a value, or leave it out"))
		}
	}
	return p
}

// Fail keeps the error whose field sorts first, so that the answer does not
// depend on the order of a map.
func (p *Params) Fail(e *Error) {
	if old, ok := errors.AsType[*Error](p.err); !ok || e.Field < old.Field {
		p.err = e
	}
}

// Err returns the error kept, an [*Error], or nil.
func (p *Params) Err() error { return p.err }

// Text returns a parameter as it is, "" where it is absent.
func (p *Params) Text(name string) string { return p.values.Get(name) }

// Folded returns an id as it is compared.
func (p *Params) Folded(name string) string { return ocpi.Fold(p.values.Get(name)) }

// Party reads a party such as "GB*DUN", zero where it is absent.
func (p *Params) Party(name string) ocpi.Party {
	s := p.values.Get(name)
	if s == "" {
		return ocpi.Party{}
	}
	party, ok := ocpi.ParseParty(s)
	if !ok {
		p.Fail(Invalid(name, "%q is not a party such as GB*DUN", s))
	}
	return party
}

// PartyOrUnknown reads a party, or [Unknown].
func (p *Params) PartyOrUnknown(name string) (party ocpi.Party, unknown bool) {
	if p.values.Get(name) == Unknown {
		return ocpi.Party{}, true
	}
	return p.Party(name), false
}

// Month reads a month such as "2019-01", zero where it is absent.
func (p *Params) Month(name string) ocpi.Month {
	s := p.values.Get(name)
	if s == "" {
		return 0
	}
	m, err := ocpi.ParseMonth(s)
	if err != nil {
		p.Fail(Invalid(name, "%v", err))
	}
	return m
}

// Day reads a day such as "2019-01-31" as its first instant in UTC, zero where it is
// absent.
func (p *Params) Day(name string) time.Time {
	s := p.values.Get(name)
	if s == "" {
		return time.Time{}
	}
	day, err := time.Parse(time.DateOnly, s)
	if err != nil {
		p.Fail(Invalid(name, "%q is not a day such as 2019-01-31", s))
	}
	return day
}

// RequiredDay is Day of one that must be given, of the years in which a CDR can be booked.
func (p *Params) RequiredDay(name string) time.Time {
	if p.values.Get(name) == "" {
		p.Fail(Invalid(name, "required: a day such as 2019-01-31"))
	}
	day := p.Day(name)
	if first, last := 1970, 2261; !day.IsZero() && (day.Year() < first || day.Year() > last) {
		p.Fail(Invalid(name, "want a day of the years %d to %d", first, last))
	}
	return day
}

// RequiredMonth is Month of one that must be given.
func (p *Params) RequiredMonth(name string) ocpi.Month {
	if p.values.Get(name) == "" {
		p.Fail(Invalid(name, "required: a month such as 2019-01"))
	}
	return p.Month(name)
}

// Currency reads an ISO 4217 code, "" where it is absent.
func (p *Params) Currency(name string) string {
	s := p.Folded(name)
	if s == "" {
		return ""
	}
	letters := strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
	if len(s) != 3 || !letters {
		p.Fail(Invalid(name, "%q is not a currency code such as EUR", s))
	}
	return s
}

// Bool reads "true" or "false", nil where it is absent.
func (p *Params) Bool(name string) *bool {
	s := p.values.Get(name)
	yes := s == "true"
	switch {
	case s == "":
		return nil
	case !yes && s != "false":
		p.Fail(Invalid(name, "%q is neither true nor false", s))
	}
	return &yes
}

// Limit reads the number of objects of a page, at most most.
func (p *Params) Limit(most int) int {
	s := p.values.Get("limit")
	if s == "" {
		return min(DefaultLimit, most)
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > most {
		p.Fail(Invalid("limit", "%q is not a number from 1 to %d", s, most))
	}
	return n
}
