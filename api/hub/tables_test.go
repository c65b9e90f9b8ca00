package hub

import (
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/roamclear/roamclear/ocpi"
)

// tableSchema is a class or a type of OCPI 2.1.1, as OpenAPI would have it.
type tableSchema struct {
	Type       string         `json:"type"`
	Enum       []string       `json:"enum,omitempty"`
	Properties map[string]any `json:"properties,omitempty"`
	Required   []string       `json:"required,omitempty"`
}

var sized = regexp.MustCompile(`^(\w+)\((\d+)\)$`)

// basicTypes are what the tables have beside classes and enums.
var basicTypes = map[string]map[string]any{
	"string": {"type": "string"}, "CiString": {"type": "string"}, "URL": {"type": "string", "maxLength": 255}, "DateTime": {"type": "string", "format": "date-time"},
	"number": {"type": "number"}, "int": {"type": "integer"}, "boolean": {"type": "boolean"},
}

// typeOf is the schema of what a table names as the type of a member.
func typeOf(kind string) map[string]any {
	length := ""
	if m := sized.FindStringSubmatch(kind); m != nil {
		kind, length = m[1], m[2]
	}
	basic, ok := basicTypes[kind]
	if !ok {
		return map[string]any{"$ref": "#/components/schemas/" + kind}
	}
	n, err := strconv.Atoi(length)
	if err != nil || basic["type"] != "string" {
		return basic
	}
	return map[string]any{"type": "string", "maxLength": n}
}

// tables211 are the classes of OCPI 2.1.1, of which there is no OpenAPI document, by
// the tables of the specification (ocpi/testdata/census.go).
func tables211(t *testing.T) openapi3.Schemas {
	t.Helper()
	text, err := os.ReadFile("../../ocpi/testdata/census.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*tableSchema{}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if f[0] != ocpi.V211.String() {
			continue
		}
		s := all[f[1]]
		if s == nil {
			s = &tableSchema{Type: "object", Properties: map[string]any{}}
			all[f[1]] = s
		}
		if f[2] == "enum" {
			s.Type, s.Enum = "string", append(s.Enum, f[3])
			continue
		}
		if f[1] == "Hours" && f[2] == "twentyfourseven" {
			f[4] = "?" // a choice of two, which no cardinality says: either this or regular_hours
		}
		s.add(f[2], f[3], f[4])
	}
	whole, err := json.Marshal(map[string]any{
		"openapi": "3.1.0", "info": map[string]string{"title": "OCPI", "version": "2.1.1"}, "paths": map[string]any{}, "components": map[string]any{"schemas": all},
	})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(whole)
	if err != nil {
		t.Fatal(err)
	}
	return doc.Components.Schemas
}

// add adds a row of a table.
func (s *tableSchema) add(name, kind, card string) {
	member := typeOf(kind)
	if card == "*" || card == "+" {
		member = map[string]any{"type": "array", "items": member}
	}
	s.Properties[name] = member
	if card == "1" || card == "+" {
		s.Required = append(s.Required, name)
	}
}

// What is read in 2.1.1, of whichever version it was sent in, is what the tables of
// the specification say.
func TestReadsOf211AreAsInTheTables(t *testing.T) {
	tables := tables211(t)
	b := &backend{}
	h, s := serveWith(t, b, knownAll)
	for path, routes := range s.paths() {
		for _, r := range routes {
			schema, has := documented[r.object]
			if treeRole(path) == "" || r.method != http.MethodGet || !has || strings.Contains(path, ":evse") {
				continue
			}
			_, class, _ := strings.Cut(schema, ".")
			kind, _, _ := strings.Cut(schema, "s.")
			for _, e := range examples(t, kind) {
				if notValid[e.name] != "" {
					continue
				}
				serveExample(b, e)
				url, token, _, _ := concrete(path, r.object)
				_, got := request(t, h, http.MethodGet, url, token, "")
				if got.StatusCode != 1000 {
					continue // it cannot be said in 2.1.1
				}
				t.Run(path+" "+e.name, func(t *testing.T) { asInTable(t, tables[class], got.Data) })
			}
		}
	}
}

// asInTable checks an object, or a list of them.
func asInTable(t *testing.T, table *openapi3.SchemaRef, data json.RawMessage) {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, item := range list {
		if err := table.Value.VisitJSON(item, openapi3.EnableJSONSchema2020()); err != nil {
			t.Errorf("%s\n%.400s", firstLines(err), data)
		}
	}
}
