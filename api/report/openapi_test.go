package report_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/report"
	"github.com/roamclear/roamclear/api/report/reporttest"
	"go.yaml.in/yaml/v3"
)

// contract is openapi.yaml as plain maps.
type contract struct{ root map[string]any }

func loadContract(t *testing.T) contract {
	t.Helper()
	b, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc contract
	if err := yaml.Unmarshal(b, &doc.root); err != nil {
		t.Fatal(err)
	}
	return doc
}

// at walks to a node and follows a $ref there, keeping nothing beside it.
func (c contract) at(t *testing.T, node any, path ...string) any {
	t.Helper()
	for _, name := range path {
		m, ok := c.deref(t, node).(map[string]any)
		if !ok || m[name] == nil {
			t.Fatalf("openapi.yaml: no %q in %v", name, path)
		}
		node = m[name]
	}
	return c.deref(t, node)
}

func (c contract) deref(t *testing.T, node any) any {
	t.Helper()
	m, ok := node.(map[string]any)
	if !ok {
		return node
	}
	ref, ok := m["$ref"].(string)
	if !ok {
		return node
	}
	return c.at(t, c.root, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
}

// mismatch says where a value does not have the shape of a schema: a missing
// or an undocumented member, another type, a pattern not met.
func (c contract) mismatch(t *testing.T, schema, value any, path string) string {
	t.Helper()
	s, _ := c.deref(t, schema).(map[string]any)
	if alternatives, ok := s["oneOf"].([]any); ok {
		for _, a := range alternatives {
			if c.mismatch(t, a, value, path) == "" {
				return ""
			}
		}
		return fmt.Sprintf("%s: %v is none of the alternatives", path, value)
	}
	if kinds := types(s["type"]); len(kinds) > 0 && !slices.Contains(kinds, kind(value)) {
		return fmt.Sprintf("%s: is %s, want %v", path, kind(value), kinds)
	}
	if pattern, ok := s["pattern"].(string); ok && !regexp.MustCompile(pattern).MatchString(fmt.Sprint(value)) {
		return fmt.Sprintf("%s: %v does not match %s", path, value, pattern)
	}
	if enum, ok := s["enum"].([]any); ok && !slices.Contains(enum, value) {
		return fmt.Sprintf("%s: %v is not in %v", path, value, enum)
	}
	switch v := value.(type) {
	case []any:
		for i, item := range v {
			if m := c.mismatch(t, s["items"], item, fmt.Sprintf("%s[%d]", path, i)); m != "" {
				return m
			}
		}
	case map[string]any:
		return c.memberMismatch(t, s, v, path)
	}
	return ""
}

func (c contract) memberMismatch(t *testing.T, s map[string]any, value map[string]any, path string) string {
	t.Helper()
	properties, _ := s["properties"].(map[string]any)
	required, _ := s["required"].([]any)
	for _, name := range required {
		if _, ok := value[name.(string)]; !ok {
			return fmt.Sprintf("%s: %s is required", path, name)
		}
	}
	for name, member := range value {
		property, ok := properties[name]
		if !ok && s["additionalProperties"] == true || properties == nil {
			continue
		}
		if !ok {
			return fmt.Sprintf("%s: %s is not documented", path, name)
		}
		if m := c.mismatch(t, property, member, path+"."+name); m != "" {
			return m
		}
	}
	return ""
}

func types(t any) []string {
	switch t := t.(type) {
	case string:
		return []string{t}
	case []any:
		var list []string
		for _, s := range t {
			list = append(list, s.(string))
		}
		return list
	}
	return nil
}

func kind(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case float64:
		return "integer"
	case string:
		return "string"
	case []any:
		return "array"
	}
	return "object"
}

var ginParam = regexp.MustCompile(`[:*](\w+)`)

func TestEveryRouteIsDocumented(t *testing.T) {
	doc := loadContract(t)
	engine := gin.New()
	report.Mount(engine, report.Deps{})
	mounted := []string{}
	for _, r := range engine.Routes() {
		path := ginParam.ReplaceAllString(r.Path, "{$1}")
		mounted = append(mounted, path)
		doc.at(t, doc.root, "paths", path, strings.ToLower(r.Method), "responses", "200")
	}
	for path := range doc.root["paths"].(map[string]any) {
		if !slices.Contains(mounted, path) {
			t.Errorf("%s is documented but not mounted", path)
		}
	}
}

// Each documented query parameter is accepted and no other is: the answer to
// an unknown one lists those that are known.
func TestParametersAreDocumented(t *testing.T) {
	doc := loadContract(t)
	s := newSite(reporttest.World(3), true)
	for path, item := range doc.root["paths"].(map[string]any) {
		if path == "/api/v1/openapi.yaml" || strings.Contains(path, "{") || item.(map[string]any)["get"] == nil {
			continue
		}
		var documented []string
		for _, p := range doc.at(t, item, "get", "parameters").([]any) {
			documented = append(documented, doc.at(t, p, "name").(string))
		}
		var failure struct{ Error report.Error }
		if err := json.Unmarshal(s.get(t, "all", path+"?_=1").Body.Bytes(), &failure); err != nil {
			t.Fatal(err)
		}
		_, list, _ := strings.Cut(failure.Error.Message, "known are: ")
		known := strings.Split(list, ", ")
		slices.Sort(known)
		slices.Sort(documented)
		if !slices.Equal(known, documented) {
			t.Errorf("%s knows %v, documented are %v", path, known, documented)
		}
	}
}

func TestAnswersHaveTheDocumentedShape(t *testing.T) {
	doc := loadContract(t)
	store := reporttest.World(200)
	s := newSite(store, true)
	check := func(path, template string, want int) {
		t.Helper()
		w := s.get(t, "all", path)
		if w.Code != want {
			t.Fatalf("%s: status %d, want %d: %s", path, w.Code, want, w.Body)
		}
		var value any
		if err := json.Unmarshal(w.Body.Bytes(), &value); err != nil {
			t.Fatal(err)
		}
		schema := doc.at(t, doc.root, "paths", template, "get", "responses", fmt.Sprint(want), "content", "application/json", "schema")
		if m := doc.mismatch(t, schema, value, path); m != "" {
			t.Error(m)
		}
	}
	check("/api/v1/reports/settlement?from=2019-01&to=2019-03", "/api/v1/reports/settlement", http.StatusOK)
	check("/api/v1/reports/settlement?from=2019-01", "/api/v1/reports/settlement", http.StatusBadRequest)
	for _, list := range []string{"cdrs", "rejects", "conflicts", "refusals"} {
		check("/api/v1/"+list, "/api/v1/"+list, http.StatusOK)
		check("/api/v1/"+list+"?x=1", "/api/v1/"+list, http.StatusBadRequest)
	}
	for i := range store.All {
		check("/api/v1"+report.CDRPath(store.All[i].Key), "/api/v1/cdrs/{country}/{party}/{id}", http.StatusOK)
	}
	check("/api/v1/cdrs/GB/DUN/nope", "/api/v1/cdrs/{country}/{party}/{id}", http.StatusNotFound)
}

func TestContractIsServedToAll(t *testing.T) {
	w := newSite(reporttest.World(1), true).get(t, "", "/api/v1/openapi.yaml")
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Body.String(), "openapi: 3.1.0\n") {
		t.Errorf("status %d: %.40s", w.Code, w.Body)
	}
}

// The check of shapes must be able to fail.
func TestMismatchIsSeen(t *testing.T) {
	doc := loadContract(t)
	schema := map[string]any{"$ref": "#/components/schemas/Tax"}
	for _, tc := range []struct{ value, want string }{
		{`{"name":"VAT","percentage":"20","amount":"1.20"}`, ""},
		{`{"name":"VAT","percentage":null,"amount":"1.20"}`, ""},
		{`{"name":"VAT","percentage":"20"}`, "tax: amount is required"},
		{`{"name":"VAT","percentage":"20","amount":1.2}`, "tax.amount: is integer, want [string]"},
		{`{"name":"VAT","percentage":"20","amount":"1.2"}`, `tax.amount: 1.2 does not match ^-?[0-9]+\.[0-9]{2,}$`},
		{`{"name":"VAT","percentage":"20","amount":"1.20","x":1}`, "tax: x is not documented"},
	} {
		var value any
		if err := json.Unmarshal([]byte(tc.value), &value); err != nil {
			t.Fatal(err)
		}
		if got := doc.mismatch(t, schema, value, "tax"); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.value, got, tc.want)
		}
	}
}
