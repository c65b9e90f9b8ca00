package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// alertRule is one of deploy/prometheus/alerts.yaml.
type alertRule struct {
	Alert, Expr         string
	Labels, Annotations map[string]string
}

func alertRules(t *testing.T) []alertRule {
	t.Helper()
	var file struct{ Groups []struct{ Rules []alertRule } }
	deployedYAML(t, "prometheus/alerts.yaml", &file)
	var rules []alertRule
	for _, g := range file.Groups {
		rules = append(rules, g.Rules...)
	}
	if len(rules) == 0 {
		t.Fatal("no rules")
	}
	return rules
}

// boardQueries are the queries of each dashboard, by file.
func boardQueries(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("../../deploy/grafana/*.json")
	if err != nil || len(files) != 3 {
		t.Fatalf("dashboards %q, %v", files, err)
	}
	queries := map[string][]string{}
	for _, path := range files {
		name := filepath.Base(path)
		var board struct {
			UID        string
			Templating struct {
				List []struct{ Query json.RawMessage }
			}
			Panels []struct {
				Type, Title string
				Targets     []struct{ Expr string }
			}
		}
		if err := json.Unmarshal([]byte(deployed(t, "grafana/"+name)), &board); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if board.UID+".json" != name {
			t.Errorf("%s: its uid is %q", name, board.UID)
		}
		for _, v := range board.Templating.List {
			queries[name] = append(queries[name], string(v.Query))
		}
		for _, p := range board.Panels {
			if p.Type != "row" && len(p.Targets) == 0 {
				t.Errorf("%s: %q shows nothing", name, p.Title)
			}
			for _, target := range p.Targets {
				queries[name] = append(queries[name], target.Expr)
			}
		}
	}
	return queries
}

// described matches what a description of a metric says of itself.
var described = regexp.MustCompile(`^Desc\{fqName: "([^"]+)".*, constLabels: \{(.*)\}, variableLabels: \{(.*)\}\}$`)

// metricsOf are the metrics that a registry has, also those that have no series yet, with
// the names of their labels.
func metricsOf(t *testing.T, registry *prometheus.Registry) map[string][]string {
	t.Helper()
	all := make(chan *prometheus.Desc)
	go func() {
		registry.Describe(all)
		close(all)
	}()
	known := map[string][]string{}
	for d := range all {
		m := described.FindStringSubmatch(d.String())
		if m == nil {
			t.Fatalf("cannot read %s", d)
		}
		labels := []string{"job", "instance", "le"}
		for _, l := range regexp.MustCompile(`(\w+)="`).FindAllStringSubmatch(m[2], -1) {
			labels = append(labels, l[1])
		}
		known[m[1]] = append(labels, strings.Split(m[3], ",")...)
	}
	return known
}

var (
	// selector matches a metric of a query with its matchers.
	selector = regexp.MustCompile(`\b((?:roamclear|process|go)_\w+)(?:\{([^}]*)\})?`)
	matcher  = regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)\s*\\?"`)
	grouping = regexp.MustCompile(`\b(?:by|on) \(([^)]*)\)`)
)

// familyOf is the metric that a series is of: a histogram has several.
func familyOf(known map[string][]string, name string) string {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if family, ok := strings.CutSuffix(name, suffix); ok && known[name] == nil {
			return family
		}
	}
	return name
}

// What rules and dashboards ask for is there in a service that runs, with these labels, and
// whatever it has of its own is on a dashboard.
func TestRulesAndDashboardsNameWhatThereIs(t *testing.T) {
	s := startTest(t, t.TempDir())
	known := metricsOf(t, s.inside.registry)
	labels := []string{"alertname"}
	for _, l := range known {
		labels = append(labels, l...)
	}
	queries := boardQueries(t)
	shown := map[string]bool{}
	for _, list := range queries {
		for _, q := range list {
			for _, m := range selector.FindAllStringSubmatch(q, -1) {
				shown[familyOf(known, m[1])] = true
			}
		}
	}
	for _, r := range alertRules(t) {
		queries[r.Alert] = append(queries[r.Alert], r.Expr)
	}
	for where, list := range queries {
		for _, q := range list {
			for _, m := range selector.FindAllStringSubmatch(q, -1) {
				have, ok := known[familyOf(known, m[1])]
				if !ok {
					t.Errorf("%s: there is no metric %s", where, m[1])
				}
				for _, l := range matcher.FindAllStringSubmatch(m[2], -1) {
					if ok && !slices.Contains(have, l[1]) {
						t.Errorf("%s: %s has no label %s", where, m[1], l[1])
					}
				}
			}
			for _, m := range grouping.FindAllStringSubmatch(q, -1) {
				for l := range strings.SplitSeq(m[1], ",") {
					if l = strings.TrimSpace(l); l != "" && !slices.Contains(labels, l) {
						t.Errorf("%s: no metric has a label %s: %s", where, l, q)
					}
				}
			}
		}
	}
	for name := range known {
		if strings.HasPrefix(name, "roamclear_") && !strings.HasPrefix(name, "roamclear_engine_process_") && !shown[name] {
			t.Errorf("%s is on no dashboard", name)
		}
	}

	scrape := s.request(http.MethodGet, "/metrics", "", "")
	for _, want := range []string{"\nroamclear_ready 1\n", "\nroamclear_build_info{", `version="` + version + `"`, "\nroamclear_engine_process_resident_memory_bytes "} {
		if scrape.status != http.StatusOK || !strings.Contains(scrape.body, want) {
			t.Errorf("HTTP %d without %q", scrape.status, want)
		}
	}
	runbook := runbookText(t)
	for _, c := range s.inside.checks() {
		name, _, _ := strings.Cut(c.Name, " roamclear-")
		if !strings.Contains(runbook, "\n| `"+name) {
			t.Errorf("the runbook does not say what to do when %q is not well", c.Name)
		}
	}
}

func runbookText(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Each alert says who is called, has its entry in the runbook and a case in which it fires;
// the runbook has no others.
func TestAlertsAreInTheRunbook(t *testing.T) {
	entries := map[string]string{}
	for entry := range strings.SplitSeq(runbookText(t), "\n### ") {
		name, text, _ := strings.Cut(entry, "\n")
		entries[name], _, _ = strings.Cut(text, "\n## ")
	}
	cases := deployed(t, "prometheus/alerts_test.yaml")
	alerts := map[string]bool{}
	for _, r := range alertRules(t) {
		alerts[r.Alert] = true
		for _, part := range []string{"**Means.** ", "**Look.** ", "**Do.** "} {
			if !strings.Contains(entries[r.Alert], part) {
				t.Errorf("%s: the runbook has no %q of it", r.Alert, part)
			}
		}
		if s := r.Labels["severity"]; s != "page" && s != "ticket" {
			t.Errorf("%s: severity %q", r.Alert, s)
		}
		if !strings.HasSuffix(r.Annotations["runbook_url"], "/docs/runbook.md#"+strings.ToLower(r.Alert)) || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("%s: annotations %v", r.Alert, r.Annotations)
		}
		if !strings.Contains(cases, `alertname="`+r.Alert+`"`) {
			t.Errorf("%s: no case in which it fires", r.Alert)
		}
	}
	for name := range entries {
		if strings.HasPrefix(name, "Roamclear") && !alerts[name] {
			t.Errorf("the runbook has %s, which is no alert", name)
		}
	}
	if chart := deployed(t, "helm/roamclear/files/alerts.yaml"); chart != deployed(t, "prometheus/alerts.yaml") {
		t.Error("the chart has other rules")
	}
}
