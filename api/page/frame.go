package page

import (
	"crypto/sha256"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest/control"
	"github.com/roamclear/roamclear/settlement"
)

//go:embed templates assets
var files embed.FS

// frame is what every page has around its content.
type frame struct {
	Title   string
	Here    string // the entry of the menu, "" where none
	Visitor *visitor
	Query   url.Values // parameters of this page
	Search  string     // what was sought
}

// Searches reports whether the page has a search box: of those who read reports.
func (f frame) Searches() bool {
	return f.Visitor != nil && f.Visitor.Searches && f.Visitor.Allows(rest.ScopeRead)
}

// Refresh is how soon the page is asked for again where no scripts run, in seconds; 0 = it
// is not.
func (frame) Refresh() int { return 0 }

// Script is the address of the page's script, "" where it has none.
func (frame) Script() string { return "" }

// entry is one entry of the menu.
type entry struct {
	Name, Href string
	Current    bool
}

// menuArea is what belongs together in the menu.
type menuArea struct {
	Name  string
	Pages []entry
}

var messagesEntry = entry{Name: "Messages", Href: "/messages"}

// menu has the areas that the visitor sees pages of. It carries the filters that mean the
// same on every page along.
func (f frame) menu() (list []menuArea) {
	if f.Visitor == nil {
		return nil
	}
	drivers := menuArea{"Drivers", []entry{{Name: "Stations", Href: f.with("/stations", "emsp")}, {Name: "Charges", Href: f.with("/charges", "emsp")}}}
	if !f.Visitor.Allows(rest.ScopeRead) {
		if f.Visitor.Allows(control.ScopeApp) {
			list = append(list, drivers)
		}
		if f.Visitor.operates() {
			list = append(list, menuArea{"Partners", []entry{messagesEntry}})
		}
		return list
	}
	money := []entry{{Name: "Settlement", Href: f.with("/", "from", "to", "cpo", "emsp", "currency", "vat")}}
	if f.Visitor.Months {
		money = append([]entry{{Name: "Month", Href: f.ofMonth("/month")}}, money...)
	}
	if f.Visitor.Statements {
		money = append(money, entry{Name: "Statements", Href: f.ofMonth("/statements")}, entry{Name: "Queue", Href: "/queue"})
	}
	list = []menuArea{{"Money", money}, {"CDRs", []entry{
		{Name: "CDRs", Href: f.with("/cdrs", "from", "to", "cpo", "emsp", "currency", "vat")},
		{Name: "Causes", Href: f.with("/causes", "from", "to", "cpo", "emsp", "currency", "vat")},
		{Name: "Rejects", Href: f.with("/rejects", "from", "to", "cpo", "emsp", "currency", "vat")},
		{Name: "Credits", Href: f.with("/credits", "from", "to", "cpo", "emsp", "vat")},
		{Name: "Conflicts", Href: "/conflicts"},
	}}}
	if f.Visitor.Party.IsZero() {
		partners := []entry{{Name: "Partners", Href: "/partners"}, {Name: "Refused", Href: "/refused"}}
		if f.Visitor.operates() {
			partners = append(partners, messagesEntry)
		}
		list = append(list, menuArea{"Partners", partners})
	}
	tariffs := []entry{{Name: "Tariffs", Href: "/tariffs"}, {Name: "Rules", Href: "/rules"}, {Name: "Price", Href: "/price"}}
	if f.Visitor.Radar {
		tariffs = slices.Insert(tariffs, 1, entry{Name: "Changes", Href: "/tariffs/changes"})
	}
	if f.Visitor.Checks {
		tariffs = append(tariffs, entry{Name: "Check", Href: "/check"})
	}
	if f.Visitor.Public {
		tariffs = append(tariffs, entry{Name: "Public data", Href: "/afir"})
	}
	list = append(list, menuArea{"Tariffs", tariffs})
	if f.Visitor.Open || f.Visitor.Allows(control.ScopeApp) {
		list = append(list, drivers)
	}
	return list
}

// here reports whether the area has the page that is shown.
func (a menuArea) here(page string) bool {
	return slices.ContainsFunc(a.Pages, func(e entry) bool { return e.Name == page })
}

// Areas is the first line of the menu: each leads to the first of its pages.
func (f frame) Areas() (list []entry) {
	for _, a := range f.menu() {
		list = append(list, entry{a.Name, a.Pages[0].Href, a.here(f.Here)})
	}
	if len(list) == 1 {
		return nil
	}
	return list
}

// Menu is the second line: the pages of the area that is shown, of none the first's.
func (f frame) Menu() (list []entry) {
	areas := f.menu()
	for i, a := range areas {
		if i == 0 || a.here(f.Here) {
			list = a.Pages
		}
	}
	for i := range list {
		list[i].Current = list[i].Name == f.Here
	}
	return list
}

// ofMonth is the address of a page about the month that this page is about.
func (f frame) ofMonth(target string) string {
	if to := f.Query.Get("to"); to != "" {
		return address(target, url.Values{"period": {to}})
	}
	return target
}

// with is the address of a page with the named parameters of this one.
func (f frame) with(target string, names ...string) string {
	q := url.Values{}
	for _, n := range names {
		if v := f.Query.Get(n); v != "" {
			q.Set(n, v)
		}
	}
	return address(target, q)
}

func address(target string, q url.Values) string {
	if len(q) == 0 {
		return target
	}
	return target + "?" + q.Encode()
}

// Style is the address of the style sheet.
func (frame) Style() string { return styleAddress }

var styleAddress, chargeScript = assetAddress("page.css"), assetAddress("charge.js")

// assetAddress is the address of an asset, which changes with its content.
func assetAddress(name string) string {
	b, err := files.ReadFile("assets/" + name)
	if err != nil {
		panic(err) // embedded
	}
	return fmt.Sprintf("/assets/%s?v=%.6x", name, sha256.Sum256(b))
}

// asset answers GET /assets/{name}.
func (s *server) asset(c *gin.Context) error {
	name := c.Param("name")
	types := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	b, err := fs.ReadFile(files, "assets/"+name)
	if err != nil {
		return settlement.ErrNotFound
	}
	c.Header("Cache-Control", "public, max-age=31536000, immutable")
	c.Data(http.StatusOK, types[path.Ext(name)], b)
	return nil
}

var templates = func() map[string]*template.Template {
	funcs := template.FuncMap{
		"minute":   func(t time.Time) string { return formatted(t, "2006-01-02 15:04") },
		"second":   func(t time.Time) string { return formatted(t, "2006-01-02 15:04:05") },
		"grouped":  func(n any) string { return grouped(fmt.Sprint(n)) },
		"words":    func(code string) string { return strings.ReplaceAll(code, "_", " ") },
		"sentence": func(s string) string { return strings.ToUpper(s[:1]) + s[1:] },
		"dict":     dict,
		"query":    query,
		"tag":      func(status string) string { return statusClasses[status] },
	}
	set := map[string]*template.Template{}
	for _, name := range []string{"settlement", "causes", "cdrs", "cdr", "rejects", "credits", "conflicts", "contents", "refused", "partners", "partner", "tariffs", "tariff", "radar", "afir", "agreement", "rules", "statements", "statement", "month", "close", "queue", "waiting", "search", "price", "check", "messages", "message", "stations", "station", "charges", "charge", "signin", "error"} {
		set[name] = template.Must(template.New(name).Funcs(funcs).
			ParseFS(files, "templates/layout.html", "templates/parts.html", "templates/"+name+".html"))
	}
	return set
}()

// formatted writes a time in UTC, or that it is not known.
func formatted(t time.Time, layout string) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.UTC().Format(layout)
}

// query is that of an address, "?" included, for a form that is sent elsewhere.
func query(address string) string {
	if at := strings.IndexByte(address, '?'); at >= 0 {
		return address[at:]
	}
	return ""
}

// dict passes several named values to a template.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict: %d values", len(pairs))
	}
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		m[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return m, nil
}
