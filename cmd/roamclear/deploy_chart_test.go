package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/roamclear/roamclear/api"
)

// chartSecrets is where the chart mounts secrets.
const chartSecrets = "/etc/roamclear/secrets"

// chart is the Helm chart of deploy/: its values, and its templates as one text.
func chart(t *testing.T) (values map[string]any, templates string) {
	t.Helper()
	const dir = "helm/roamclear"
	deployedYAML(t, dir+"/values.yaml", &values)
	files, err := filepath.Glob("../../deploy/" + dir + "/templates/*")
	if err != nil || len(files) < 5 {
		t.Fatalf("templates %q, %v", files, err)
	}
	for _, file := range files {
		templates += deployed(t, filepath.Join(dir, "templates", filepath.Base(file)))
	}
	return values, templates
}

// valuePath matches what a template takes from the chart's values.
var valuePath = regexp.MustCompile(`\.Values\.([\w.]+)`)

// Templates take nothing that values do not have: Helm would put nothing in its place.
func TestChartTemplatesTakeWhatValuesHave(t *testing.T) {
	values, templates := chart(t)
	for _, m := range valuePath.FindAllStringSubmatch(templates, -1) {
		if m[1] == "config.tls" {
			continue // asked for, not given
		}
		at := any(values)
		for key := range strings.SplitSeq(m[1], ".") {
			section, _ := at.(map[string]any)
			next, ok := section[key]
			if !ok {
				t.Errorf("values have no %s, which a template takes", m[1])
				break
			}
			at = next
		}
	}
}

// Each role of the chart can be called so, with the settings of its values and with the
// secrets that are mounted.
func TestChartSettings(t *testing.T) {
	values, templates := chart(t)
	settings, err := yaml.Marshal(values["config"])
	if err != nil {
		t.Fatal(err)
	}
	var environ []string
	mounted := strings.ReplaceAll(templates, chartSecrets, t.TempDir())
	for _, m := range regexp.MustCompile(`name: (ROAMCLEAR_\w+), value: ([^}]+)}`).FindAllStringSubmatch(mounted, -1) {
		environ = append(environ, m[1]+"="+m[2])
		if err := os.WriteFile(m[2], []byte("twenty-four-characters-1\n"), 0o600); err != nil {
			t.Error(err)
		}
	}
	args := regexp.MustCompile(`\bargs: \[(.*)\]`).FindStringSubmatch(templates)
	roles, _ := values["roles"].(map[string]any)
	for _, role := range roleNames {
		if roles[role] == nil {
			t.Errorf("the chart has no role %s", role)
		}
		usable(t, strings.Split(strings.ReplaceAll(args[1], "{{ $role }}", role), ", "))
		c, err := load(t, string(settings), environ, "--roles", role)
		if err != nil {
			t.Errorf("%s: %v", role, err)
			continue
		}
		if c.Admin.Token.Text == "" || c.Store.Password.Text == "" || filepath.Dir(c.Secrets.KeyFile) != chartSecrets {
			t.Errorf("%s: token %q, password %q, key in %s", role, c.Admin.Token, c.Store.Password, c.Secrets.KeyFile)
		}
		if loopback(c.Listen) || loopback(c.Metrics.Listen) {
			t.Errorf("%s listens on %s and %s: nobody in the cluster reaches it", role, c.Listen, c.Metrics.Listen)
		}
	}
	if len(roles) != len(roleNames) {
		t.Errorf("roles %v, want %v", roles, roleNames)
	}
}

// Pods mount what settings name, run as the image is made for, are asked what the service
// answers, and are given the time that a stop takes.
func TestChartPods(t *testing.T) {
	_, templates := chart(t)
	for what, want := range map[string]string{
		"the settings, as they are named":        "--config=/etc/roamclear/roamclear.yaml",
		"the settings, as they are mounted":      "mountPath: /etc/roamclear/roamclear.yaml,",
		"secrets, where settings look for them":  "{name: secrets, mountPath: " + chartSecrets + ",",
		"the image's working directory":          "{name: data, mountPath: " + imageConfig(t).WorkingDir + "}",
		"the image's user":                       "runAsUser: " + strings.Split(imageConfig(t).User, ":")[0] + "\n",
		"the port, that of the setting":          "containerPort: {{ include \"roamclear.port\" $.Values.config.listen }}",
		"that a start is waited for":             "startupProbe:\n            httpGet: {path: /healthz,",
		"that it is asked whether it is alive":   "livenessProbe:\n            httpGet: {path: /healthz,",
		"that it is asked whether it can accept": "readinessProbe:\n            httpGet: {path: /readyz,",
	} {
		if !strings.Contains(templates, want) {
			t.Errorf("%s: no %q in the templates", what, want)
		}
	}
	grace := regexp.MustCompile(`terminationGracePeriodSeconds: \{\{ add (\d+)`).FindStringSubmatch(templates)
	if s, err := strconv.Atoi(grace[1]); err != nil || time.Duration(s)*time.Second <= stopWithin {
		t.Errorf("terminationGracePeriodSeconds %s, want more than %s", grace[1], stopWithin)
	}
	engine := api.NewEngine(slog.New(slog.DiscardHandler))
	api.MountHealth(engine)
	for _, m := range regexp.MustCompile(`httpGet: \{path: ([^,]+)`).FindAllStringSubmatch(templates, -1) {
		w := httptest.NewRecorder()
		engine.ServeHTTP(w, httptest.NewRequest(http.MethodGet, m[1], nil))
		if w.Code != http.StatusOK {
			t.Errorf("probe of %s: HTTP %d", m[1], w.Code)
		}
	}
}
