package hub

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/roamclear/roamclear/ocpi"
)

// officialDocuments are the OpenAPI documents of OCPI, see testdata/openapi.go, by
// version.
type officialDocuments map[string]*openapi3.T

func readOfficialDocuments(t *testing.T) officialDocuments {
	t.Helper()
	text, err := os.ReadFile("testdata/openapi.txt")
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]map[string]json.RawMessage{}
	for line := range strings.Lines(string(text)) {
		f := strings.SplitN(line, " ", 4) // version, what, name, what is said
		key := f[0] + " " + f[1]
		if parts[key] == nil {
			parts[key] = map[string]json.RawMessage{}
		}
		parts[key][f[2]] = json.RawMessage(f[3])
	}
	all := officialDocuments{}
	for _, version := range []string{"2.2.1", "2.3.0"} {
		whole, err := json.Marshal(map[string]any{
			"openapi": "3.1.0", "info": map[string]string{"title": "OCPI", "version": version},
			"paths": parts[version+" path"], "components": map[string]any{"schemas": parts[version+" schema"]},
		})
		if err != nil {
			t.Fatal(err)
		}
		if all[version], err = openapi3.NewLoader().LoadFromData(whole); err != nil {
			t.Fatal(err)
		}
		opened(all[version])
	}
	return all
}

// opened lets open enums be open: OCPI 2.3.0 "OpenEnum" lists values that it knows,
// not all there are.
func opened(doc *openapi3.T) {
	for _, s := range doc.Components.Schemas {
		if s.Value.Format == "open-enum" {
			s.Value.Enum = nil
		}
	}
}

var anyParameter = regexp.MustCompile(`\{[^}]*\}|:\w+`)

// operation returns what a document says of one of our routes, with its path there.
func (d officialDocuments) operation(version, method, path string) (at string, op *openapi3.Operation) {
	own := anyParameter.ReplaceAllString(strings.TrimPrefix(path, "/"+version), "{}")
	switch own {
	case "": // where details are is free
		own = "/versions/" + version
	case "/receiver/cdrs/{}/{}/{}": // so is where a CDR can be read, which Location says
		own = "/receiver/cdrs/{}"
	}
	for at, item := range d[version].Paths.Map() {
		if anyParameter.ReplaceAllString(at, "{}") == own {
			return at, item.GetOperation(method)
		}
	}
	return "", nil
}

// deviates lists where we answer otherwise than a document says, and why.
var deviates = []struct {
	version, method, path string // "" = any
	status                int
	why                   string
}{
	{"", "", "", http.StatusMethodNotAllowed, "not said of methods that do not exist; the envelope stays (R-TRANSPORT-05)"},
	{"", "", "", http.StatusNotFound, "said of some paths alone; the owner's URL answers 404 to others (OCPI 2.2.1 transport, \"Client Owned Objects\")"},
	{"", http.MethodPost, "/receiver/cdrs", http.StatusOK, "said to be 400 or, in 2.2.1, 409; what was parsed is answered 200 with a code (OCPI 2.2.1 status_codes)"},
	{"", "", "", http.StatusServiceUnavailable, "overload is not in OCPI (E25)"},
}

func deviation(version, method, path string, status int) bool {
	for _, d := range deviates {
		if (d.version == "" || d.version == version) && (d.method == "" || d.method == method) && (d.path == "" || strings.HasSuffix(path, d.path)) && (d.status == 0 || d.status == status) {
			return true
		}
	}
	return false
}

// check holds an answer against the document: status, headers, and the whole body.
func (d officialDocuments) check(t *testing.T, version, method, path string, w *httptest.ResponseRecorder) {
	t.Helper()
	at, op := d.operation(version, method, path)
	if op == nil {
		t.Errorf("%s %s %s is in no document", version, method, path)
		return
	}
	if op.Responses.Status(w.Code) == nil && deviation(version, method, path, w.Code) {
		return
	}
	r := httptest.NewRequestWithContext(t.Context(), method, at, nil)
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{
			Request: r, Route: &routers.Route{Spec: d[version], Path: at, PathItem: d[version].Paths.Value(at), Method: method, Operation: op},
		},
		Status: w.Code, Header: w.Result().Header,
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}
	input.SetBodyBytes(asSaid(t, w.Body.Bytes()))
	if err := openapi3filter.ValidateResponse(t.Context(), input); err != nil {
		t.Errorf("%s %s %s: HTTP %d: %s\n%.300s", version, method, path, w.Code, firstLines(err), w.Body)
	}
}

// asSaid is an answer without what an error has as data, which the documents take
// for the object that there is none of: OCPI leaves it open (2.2.1 transport,
// "Response format").
func asSaid(t *testing.T, body []byte) []byte {
	t.Helper()
	var e map[string]json.RawMessage
	if err := json.Unmarshal(body, &e); err != nil {
		t.Fatal(err)
	}
	if e["status_code"] == nil || e["timestamp"] == nil { // which the documents do not require, but OCPI does
		t.Errorf("an answer without status_code or timestamp: %.200s", body)
	}
	if string(e["status_code"]) == "1000" {
		return body
	}
	delete(e, "data")
	out, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func firstLines(err error) string {
	lines := strings.SplitN(err.Error(), "\n", 5)
	return strings.Join(lines[:min(4, len(lines))], " ")
}

// example is an object of the specification.
type example struct {
	name    string
	version ocpi.Version
	body    []byte
}

// partOf is what begins the names of examples that are less than an object.
var partOf = regexp.MustCompile(`put_|patch_|energymix|hours|restriction`)

// examples are the whole objects of a kind, of all versions.
func examples(t *testing.T, kind string) (all []example) {
	t.Helper()
	for _, v := range versions {
		dir := "../../ocpi/testdata/spec/" + v.String()
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if !strings.HasPrefix(f.Name(), kind+"_") || partOf.MatchString(f.Name()) && !strings.HasPrefix(f.Name(), "location_example") {
				continue
			}
			body, err := os.ReadFile(dir + "/" + f.Name())
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, example{v.String() + "/" + f.Name(), v, bytes.TrimSpace(body)})
		}
	}
	if len(all) < 3 || !slices.ContainsFunc(all, func(e example) bool { return e.version == ocpi.V230 }) {
		t.Fatalf("only %d examples of a %s", len(all), kind)
	}
	return all
}

// where fills in the path of an example's first EVSE and Connector.
func (e *example) where(t *testing.T, path string) string {
	t.Helper()
	var location struct {
		EVSEs []struct {
			UID        string `json:"uid"`
			Connectors []struct {
				ID string `json:"id"`
			} `json:"connectors"`
		} `json:"evses"`
	}
	if err := json.Unmarshal(e.body, &location); err != nil {
		t.Fatal(err)
	}
	evse, connector := "E1", "1"
	if len(location.EVSEs) > 0 {
		evse, connector = location.EVSEs[0].UID, location.EVSEs[0].Connectors[0].ID
	}
	return strings.NewReplacer(":evse", evse, ":connector", connector).Replace(path)
}

// answered is request, with the answer as it went out.
func answered(t *testing.T, h http.Handler, method, path, token, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Host = "roam.example"
	r.Header.Set("X-Request-ID", "6f3d6a4e-6e2c-4f6f-9f0c-0c4b4b0d1a11")
	r.Header.Set("X-Correlation-ID", "0a7b0e2c-53a5-4f37-8d7f-6a7c1d1c2b22")
	if token != "" {
		r.Header.Set("Authorization", "Token "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
