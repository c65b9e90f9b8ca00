//go:build ignore

// Census writes what the tables of the OCPI specification say of the objects of five
// modules: names, types, cardinalities and values, no text. It reads a clone of
// https://github.com/ocpi/ocpi:
//
//	go run ocpi/testdata/census.go CLONE > ocpi/testdata/census.txt
package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
)

var versions = []struct{ version, branch, ending string }{
	{"2.1.1", "release-2.1.1-bugfixes", ".md"},
	{"2.2.1", "release-2.2.1-bugfixes", ".asciidoc"},
	{"2.3.0", "2.3.0/release/core", ".asciidoc"},
}

var (
	heading = regexp.MustCompile(`^(?:=+|#+)\s+(?:[0-9.]+\s+)?[_*]?(\w+)[_*]?\s+[_*]?(?i:(object|class|enum|openenum))[_*]?\s*$`)
	anchor  = regexp.MustCompile(`\[\[[^\]]*\]\]`)
	link    = regexp.MustCompile(`<<[^,>]*,\s*([^>]*)>>|\[([^\]]*)\]\([^)]*\)`)
	length  = regexp.MustCompile(`^(\w+)\s*[\[(]([0-9]+)[\])]$`)
	value   = regexp.MustCompile(`^[A-Za-z0-9_/]+$`)
	member  = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

func main() {
	for _, v := range versions {
		for _, module := range []string{"mod_cdrs", "mod_locations", "mod_sessions", "mod_tariffs", "mod_tokens", "types"} {
			text, err := exec.Command("git", "-C", os.Args[1], "show", v.branch+":"+module+v.ending).Output()
			if err != nil {
				panic(err)
			}
			census(v.version, string(text))
		}
	}
}

// census walks the tables of a module.
func census(version, text string) {
	class, kind := "", ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if m := heading.FindStringSubmatch(line); m != nil {
			class, kind = strings.Trim(m[1], "_"), strings.ToLower(m[2])
			continue
		}
		if strings.HasPrefix(line, "=") || strings.HasPrefix(line, "#") {
			if !strings.Contains(line, "xample") && !strings.HasPrefix(line, "|===") {
				class = ""
			}
			continue
		}
		if class == "" || !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|===") {
			continue
		}
		row(version, class, kind, cells(line))
	}
}

func cells(line string) []string {
	line = link.ReplaceAllString(anchor.ReplaceAllString(line, ""), "$1$2")
	var list []string
	for _, c := range strings.Split(strings.TrimPrefix(line, "|"), "|") {
		list = append(list, strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(c), "> ")))
	}
	return list
}

func row(version, class, kind string, c []string) {
	switch {
	case strings.HasSuffix(kind, "enum"):
		if v := strings.TrimSuffix(c[0], " a"); value.MatchString(v) && v != "Value" && v != "Property" {
			fmt.Println(version, class, kind, v)
		}
	case len(c) >= 3 && member.MatchString(c[0]) && strings.Contains("1?*+", c[2]) && c[2] != "":
		fmt.Println(version, class, c[0], typeName(c[1]), c[2])
	}
}

// typeName writes a type in one way: CiString(36), DateTime, EVSE.
func typeName(s string) string {
	s = strings.TrimSpace(s)
	if m := length.FindStringSubmatch(s); m != nil {
		if m[1] == "String" {
			m[1] = "string"
		}
		return m[1] + "(" + m[2] + ")"
	}
	return s
}
