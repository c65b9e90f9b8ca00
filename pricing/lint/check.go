package lint

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/roamclear/roamclear/ocpi"
)

// maxFindings bounds what is listed for one tariff.
const maxFindings = 500

// checker collects the findings of one tariff.
type checker struct {
	t        *ocpi.Tariff
	findings []ocpi.Finding
	codes    map[string]bool // of those, once there are maxFindings; see firstOf

	stepUnused bool // step_size_unused was reported; once is enough
	absurds    int  // prices that were reported as absurd

	read map[string]string // by path, what package ocpi read something as that is not written as OCPI has it
}

// Check finds what is wrong with the meaning of a decoded tariff. What only
// the text shows (quotes, spelling) is found by [Tariff]; t's own findings are
// not repeated. Check does not keep t.
func Check(t *ocpi.Tariff) []ocpi.Finding {
	c := &checker{t: t}
	c.meaning()
	return c.sorted()
}

// Doubtful reports whether something serious is wrong with a decoded tariff by itself:
// what [Check] finds of its parts one by one. It leaves out what follows from how
// elements cover one another, for that costs a thousand times as much, and CDRs bring
// tariffs along.
func Doubtful(t *ocpi.Tariff) bool {
	c := &checker{t: t}
	c.parts()
	return slices.ContainsFunc(c.findings, func(f ocpi.Finding) bool { return f.Severity == ocpi.Serious })
}

func (c *checker) meaning() {
	c.parts()
	c.repeatedHours()
	c.coverage()
}

// parts checks what can be seen of each part by itself.
func (c *checker) parts() {
	c.currency()
	c.validity()
	c.limits()
	c.taxes()
	for i := range c.t.Elements {
		c.element(i)
	}
	c.flats()
	c.reservations()
}

// add lists a finding.
func (c *checker) add(code string, severity ocpi.Severity, path, detail string) {
	if len(c.findings) < maxFindings || c.firstOf(code) {
		c.findings = append(c.findings, ocpi.Finding{Code: code, Severity: severity, Path: path, Detail: detail})
	}
}

// firstOf reports whether nothing of a kind is listed yet, and notes it: beyond the
// bound the first of each still is, for there may be a policy about it.
func (c *checker) firstOf(code string) bool {
	if c.codes == nil {
		c.codes = map[string]bool{}
		for i := range c.findings {
			c.codes[c.findings[i].Code] = true
		}
	}
	first := !c.codes[code]
	c.codes[code] = true
	return first
}

// drop forgets the findings of a code below a path.
func (c *checker) drop(code, path string) {
	c.findings = slices.DeleteFunc(c.findings, func(f ocpi.Finding) bool {
		return f.Code == code && len(f.Path) > len(path) && f.Path[:len(path)] == path && f.Path[len(path)] == '['
	})
}

// has reports whether something was found at a path.
func (c *checker) has(path string) bool {
	return slices.ContainsFunc(c.findings, func(f ocpi.Finding) bool { return f.Path == path })
}

// sorted returns the findings, the worst first, otherwise in the order of the checks.
func (c *checker) sorted() []ocpi.Finding {
	slices.SortStableFunc(c.findings, func(a, b ocpi.Finding) int { return int(b.Severity) - int(a.Severity) })
	if len(c.findings) >= maxFindings {
		c.findings = append(c.findings, ocpi.Finding{Code: "more_findings", Severity: ocpi.Info, Path: "$", Detail: "more was found than is listed"})
	}
	return c.findings
}

func elementPath(i int) string { return "elements[" + strconv.Itoa(i) + "]" }

func componentPath(i, j int, member string) string {
	path := elementPath(i) + ".price_components[" + strconv.Itoa(j) + "]"
	if member != "" {
		path += "." + member
	}
	return path
}

func restrictionPath(i int, member string) string {
	return elementPath(i) + ".restrictions." + member
}

// plural writes a count with its unit: "1 minute", "5 minutes".
func plural(n int64, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}
