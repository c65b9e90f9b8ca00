package rest_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

func TestStationsHaveTheDocumentedShape(t *testing.T) {
	doc, s := loadContract(t), newSite(t, 1)
	for query, want := range map[string]int{"": 200, "price_energy_kwh=20&latitude=57.7&longitude=11.97&radius_m=2000": 200, "price_energy_kwh=20&currency=EUR": 200, "x=1": 400} {
		s.call(t, doc, "GET", "/api/v1/locations?"+query, "/api/v1/locations", "", want)
	}
	for id, want := range map[string]int{"L1": 200, "L1?price_energy_kwh=20": 200, "NONE": 404} {
		s.call(t, doc, "GET", "/api/v1/locations/SE/ABC/"+id, "/api/v1/locations/{country}/{party}/{id}", "", want)
	}
}

// The page to read has every call and every object of the document, and needs nothing
// from elsewhere.
func TestDocsAreReadable(t *testing.T) {
	doc, s := loadContract(t), newSite(t, 1)
	w := s.do(t, "GET", "/api/v1/docs", "")
	page := w.Body.String()
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") || strings.Contains(page, "<script") || strings.Contains(page, "http://") {
		t.Fatalf("HTTP %d %s: %.300s", w.Code, w.Header(), page)
	}
	for path, item := range doc.root["paths"].(map[string]any) {
		for method, o := range item.(map[string]any) {
			id := o.(map[string]any)["operationId"].(string)
			if !strings.Contains(page, fmt.Sprintf("<h3 id=%q>", id)) || !strings.Contains(page, "<code>"+path+"</code>") {
				t.Errorf("%s %s is not on the page", method, path)
			}
		}
	}
	for name := range doc.at(t, doc.root, "components", "schemas").(map[string]any) {
		if !strings.Contains(page, fmt.Sprintf("<h3 id=%q>", "schema-"+name)) {
			t.Errorf("%s is not on the page", name)
		}
	}
	for _, link := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(page, -1) {
		if !strings.Contains(page, fmt.Sprintf(" id=%q", link[1])) {
			t.Errorf("a link leads to #%s, which is not there", link[1])
		}
	}
}
