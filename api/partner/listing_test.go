package partner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/api"
)

// shelf is a partner's list with what is wrong with it. It holds the numbers from
// 1 on.
type shelf struct {
	size, page int
	total      func(asked int) string             // X-Total-Count; nil = right
	link       func(offset, limit int) string     // Link; nil = right, "" = none
	shown      func(offset int, page []int) []int // what is on the page instead
	gone       int                                // objects that leave the list's beginning after its first page
	cut, after int                                // objects that leave its end once so many pages were asked for
	again      bool                               // and as many once more soon after
	strict     bool                               // refuses what is beyond the end
	limits     bool                               // says how many objects a page has
	asked      int
}

const listURL = "https://cpo.example/ocpi/cdrs"

func (s *shelf) get(_ context.Context, at string) (*Answer, error) {
	s.asked++
	u, err := url.Parse(at)
	if err != nil {
		return nil, err
	}
	first := 0
	if s.asked > 1 {
		first = s.gone
	}
	have := s.size - first
	if s.after > 0 && s.asked > s.after {
		have -= s.cut
		if s.again && s.asked > s.after+20 {
			have -= s.cut
		}
	}
	offset, _ := strconv.Atoi(u.Query().Get("offset"))
	limit, _ := strconv.Atoi(u.Query().Get("limit"))
	limit = min(limit, s.page)
	if s.strict && offset >= have {
		return nil, &Error{HTTP: 200, Status: 2001}
	}
	var page []int
	for i := offset; i < min(offset+limit, have); i++ {
		page = append(page, first+i+1)
	}
	h := http.Header{"X-Total-Count": {strconv.Itoa(have)}}
	if s.total != nil {
		h.Set("X-Total-Count", s.total(s.asked))
	}
	if s.limits {
		h.Set("X-Limit", strconv.Itoa(s.page))
	}
	switch {
	case s.link != nil:
		if l := s.link(offset, limit); l != "" {
			h.Set("Link", l)
		}
	case offset+limit < have:
		h.Set("Link", fmt.Sprintf(`<%s?offset=%d&limit=%d>; rel="next"`, listURL, offset+limit, limit))
	}
	if s.shown != nil {
		page = s.shown(offset, page)
	}
	data, err := json.Marshal(page)
	return &Answer{HTTP: 200, Status: 1000, Data: data, Header: h}, err
}

func none(int, int) string { return "" }

func next(format string) func(offset, limit int) string {
	return func(offset, limit int) string { return fmt.Sprintf(format, offset+limit, limit) }
}

func counts(n string) func(int) string { return func(int) string { return n } }

func TestListsAreReadToTheirEnd(t *testing.T) {
	complete := map[string]bool{ // whole beyond doubt, so that it can be told what they lack
		"as OCPI has it": true, "one page": true, "empty": true, "a total that is none": true, "no total": true, "no links": true,
		"no links, no total, full pages by its own limit": true, "links to nowhere": true, "links to another place": true,
	}
	half := func(offset int, page []int) []int { // fewer than the link goes on by: the filter comes after paging
		return page[:(len(page)+1)/2]
	}
	for _, c := range []struct {
		name  string
		shelf shelf
		read  int   // different objects
		err   error // nil: read to its end
	}{
		{"as OCPI has it", shelf{size: 25, page: 10}, 25, nil},
		{"one page", shelf{size: 3, page: 10}, 3, nil},
		{"empty", shelf{page: 10}, 0, nil},
		{"a total too large", shelf{size: 25, page: 10, total: counts("75")}, 25, nil},
		{"a total too large, and no page beyond the end", shelf{size: 25, page: 10, total: counts("75"), strict: true}, 25, nil},
		{"a total too small", shelf{size: 25, page: 10, total: counts("1")}, 25, nil},
		{"a total that is none", shelf{size: 25, page: 10, total: counts("many")}, 25, nil},
		{"no total", shelf{size: 25, page: 10, total: counts("")}, 25, nil},
		{"a total that swings", shelf{size: 95, page: 10, total: func(n int) string { return strconv.Itoa(95 - 7*(n%2)) }}, 95, nil},
		{"no links", shelf{size: 25, page: 10, link: none}, 25, nil},
		{"no links, no total, full pages", shelf{size: 250, page: 100, link: none, total: counts("")}, 250, nil},
		{"no links, no total, full pages by its own limit", shelf{size: 25, page: 10, link: none, total: counts(""), limits: true}, 25, nil},
		{"links to nowhere", shelf{size: 25, page: 10, link: next("<http://%%zz/%d?limit=%d>; rel=\"next\"")}, 25, nil},
		{"links to another place", shelf{size: 25, page: 10, link: func(o, l int) string {
			if o+l >= 25 {
				return ""
			}
			return fmt.Sprintf(`<http://evil.example/ocpi/cdrs?offset=%d&limit=%d>; rel="next"`, o+l, l)
		}}, 25, nil},
		{"a link back to itself", shelf{size: 25, page: 10, link: func(o, l int) string {
			return fmt.Sprintf(`<%s?offset=%d&limit=%d>; rel="next"`, listURL, o, l)
		}}, 25, nil},
		{"a link back to the beginning", shelf{size: 25, page: 10, link: func(int, int) string { return `</ocpi/cdrs?offset=0&limit=10>; rel="next"` }}, 25, nil},
		{"always the first page, links that go on", shelf{size: 25, page: 10, link: next(`<?offset=%d&limit=%d>; rel="next"`), total: counts(""),
			shown: func(int, []int) []int { return []int{1, 2, 3} }}, 3, errRepeats},
		{"always the first page, links that go on, all that there is", shelf{size: 3, page: 10, link: next(`<?offset=%d&limit=%d>; rel="next"`),
			shown: func(int, []int) []int { return []int{1, 2, 3} }}, 3, nil},
		{"always the first page, a link to itself, no total", shelf{size: 3, page: 10, total: counts(""), link: func(int, int) string { return "<?offset=0&limit=100>; rel=next" },
			shown: func(int, []int) []int { return []int{1, 2, 3} }}, 3, errRepeats},
		{"empty pages that link on for ever", shelf{page: 10, link: next(`<?offset=%d&limit=%d>; rel="next"`), total: counts("")}, 0, errRepeats},
		{"pages that are not full", shelf{size: 40, page: 10, shown: half}, 20, nil},
		{"a list that shrinks", shelf{size: 25, page: 10, gone: 4}, 25, nil},
		{"a list that shrinks by a page", shelf{size: 45, page: 10, gone: 10}, 45, nil},
		{"a list that shrinks by more than a page", shelf{size: 45, page: 10, gone: 12}, 43, nil},
		{"a list that shrinks ahead of what was read", shelf{size: 1200, page: 100, cut: 300, after: 5}, 900, nil},
		{"a list that shrinks ahead by very many", shelf{size: 5000, page: 10, cut: 4000, after: 60}, 1000, nil},
		{"a list that shrinks ahead again and again", shelf{size: 1200, page: 10, cut: 310, after: 50, again: true}, 580, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			endpoint, err := url.Parse(listURL)
			if err != nil {
				t.Fatal(err)
			}
			l := &listing{get: c.shelf.get, endpoint: endpoint}
			seen := map[string]bool{}
			err = l.walk(t.Context(), func(items [][]byte) error {
				for _, i := range items {
					seen[string(i)] = true
				}
				return nil
			})
			if len(seen) != c.read || !errors.Is(err, c.err) {
				t.Errorf("read %d objects on %d pages, %v; want %d, %v", len(seen), c.shelf.asked, err, c.read, c.err)
			}
			if err == nil && l.complete() != complete[c.name] {
				t.Errorf("complete: %v", l.complete())
			}
		})
	}
}

// Pages that are too large are asked for again with fewer objects.
func TestPagesThatAreTooLarge(t *testing.T) {
	endpoint, err := url.Parse(listURL)
	if err != nil {
		t.Fatal(err)
	}
	s := shelf{size: 25, page: 100}
	l := &listing{endpoint: endpoint, get: func(ctx context.Context, at string) (*Answer, error) {
		u, err := url.Parse(at)
		if err != nil {
			return nil, err
		}
		if n, _ := strconv.Atoi(u.Query().Get("limit")); n > 7 {
			return nil, &Error{HTTP: 200, Err: api.ErrTooLarge}
		}
		return s.get(ctx, at)
	}}
	if err := l.walk(t.Context(), func([][]byte) error { return nil }); err != nil || l.read != 25 {
		t.Errorf("read %d, %v", l.read, err)
	}
	l.get = func(context.Context, string) (*Answer, error) { return nil, &Error{HTTP: 200, Err: api.ErrTooLarge} }
	if err := l.walk(t.Context(), func([][]byte) error { return nil }); !errors.Is(err, api.ErrTooLarge) {
		t.Errorf("one object that is too large: %v", err)
	}
}

// A failure on the way is no end.
func TestAListThatBreaksOff(t *testing.T) {
	endpoint, err := url.Parse(listURL)
	if err != nil {
		t.Fatal(err)
	}
	for _, broken := range []*Error{{HTTP: 500}, {HTTP: 404}, {HTTP: 200, Status: 2001}, {Err: errors.New("connection reset")}} {
		s := shelf{size: 25, page: 10}
		l := &listing{endpoint: endpoint, get: func(ctx context.Context, at string) (*Answer, error) {
			if strings.Contains(at, "offset=10") {
				return nil, broken
			}
			return s.get(ctx, at)
		}}
		if err := l.walk(t.Context(), func([][]byte) error { return nil }); !errors.Is(err, broken) || l.read != 10 {
			t.Errorf("%v: read %d, %v", broken, l.read, err)
		}
	}
}

func TestWhatAListIsAskedFor(t *testing.T) {
	endpoint, err := url.Parse("https://cpo.example/ocpi/sessions?tenant=7")
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	l := &listing{endpoint: endpoint, from: time.Date(2026, 8, 31, 1, 2, 3, 4, time.UTC), get: func(_ context.Context, at string) (*Answer, error) {
		asked = append(asked, at)
		h := http.Header{}
		if len(asked) == 1 {
			h.Set("Link", `<https://elsewhere.example:8443/o%2Fne?cursor=a%20b>; rel="next"`)
		}
		return &Answer{Data: []byte("[1]"), Header: h}, nil
	}}
	if err := l.walk(t.Context(), func([][]byte) error { return nil }); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"https://cpo.example/ocpi/sessions?date_from=2026-08-31T01%3A02%3A03Z&limit=100&offset=0&tenant=7",
		"https://cpo.example/o%2Fne?cursor=a%20b",
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
}

func TestLinks(t *testing.T) {
	for header, want := range map[string]string{
		`<https://a/b?c=1>; rel="next"`:                      "https://a/b?c=1",
		`<https://a/b>;rel=next`:                             "https://a/b",
		`<https://a/b>; Rel="NEXT"; title="x"`:               "https://a/b",
		`<https://a/p>; rel="prev", <https://a/n>; rel=next`: "https://a/n",
		`<https://a/b>; rel="first next"`:                    "https://a/b",
		`<https://a/b>`:                                      "https://a/b",
		`<https://a/b>; rel="last"`:                          "",
		`https://a/b; rel="next"`:                            "",
		`>https://a/b<; rel="next"`:                          "",
		``:                                                   "",
	} {
		got, ok := nextLink(http.Header{"Link": {header}})
		if got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", header, got, ok)
		}
	}
	if got, ok := nextLink(http.Header{"Link": {`<a>; rel="last"`, `<b>; rel="next"`}}); got != "b" || !ok {
		t.Errorf("of two headers: %q, %v", got, ok)
	}
}

func TestAListThatIsNone(t *testing.T) {
	for data, want := range map[string]int{"": 0, "[]": 0, "null": 0, `[1,{"a":[2]},null]`: 3, `{"id":"1"}`: 1, `"x"`: -1, `5`: -1, `[1`: -1, `[1 2]`: -1, `[1]]`: -1, `[NaN,{"a":.5},]`: 2, `["]",{"}":"\"}"}]`: 2, `[,, ,]`: 0, `[1,,2]`: 2} {
		items, err := objects([]byte(data))
		if (err != nil) != (want < 0) || err == nil && len(items) != want {
			t.Errorf("%s: %q, %v", data, items, err)
		}
	}
}

// What a page of nothing but commas takes is nothing, and what is more than any page
// holds is asked for in parts.
func TestPagesOfVeryMany(t *testing.T) {
	commas := []byte("[" + strings.Repeat(",", 1<<20) + "]")
	if n := testing.AllocsPerRun(1, func() {
		if items, err := objects(commas); err != nil || len(items) != 0 {
			t.Errorf("%d objects, %v", len(items), err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
	if _, err := objects([]byte("[1" + strings.Repeat(",1", maxElements) + "]")); !errors.Is(err, api.ErrTooLarge) {
		t.Errorf("one more than may be: %v", err)
	}
}
