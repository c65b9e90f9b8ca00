package partner

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/roamclear/roamclear/ocpi"
)

// nextLink returns the URL of the next page as an answer's headers name it (RFC
// 8288; 2.2.1 transport, "Paginated response"). A link without a relation is
// taken for that one: some partners send it alone.
func nextLink(h http.Header) (text string, ok bool) {
	for _, header := range h.Values(ocpi.HeaderLink) {
		for rest := header; ; {
			start := strings.IndexByte(rest, '<')
			end := strings.IndexByte(rest, '>')
			if start < 0 || end < start {
				break
			}
			target := rest[start+1 : end]
			params := rest[end+1:]
			rest = ""
			if i := strings.IndexByte(params, '<'); i >= 0 {
				params, rest = params[:i], params[i:]
			}
			if isNext(params) {
				return strings.TrimSpace(target), true
			}
		}
	}
	return "", false
}

func isNext(params string) bool {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		if strings.EqualFold(strings.TrimSpace(name), "rel") {
			relations := strings.Fields(strings.ToLower(strings.Trim(value, `"', `)))
			return slices.Contains(relations, "next")
		}
	}
	return true
}

// follow is where a link leads from a page: its path and query, always on the
// origin of the endpoint, whatever else it names. Our token goes nowhere else.
func follow(endpoint, page *url.URL, link string) (*url.URL, bool) {
	u, err := page.Parse(link)
	if err != nil || link == "" {
		return nil, false
	}
	next := *endpoint
	next.Path, next.RawPath, next.RawQuery = u.Path, u.RawPath, u.RawQuery
	return &next, true
}

// back is a page that begins n objects earlier, or at the beginning; nil where its
// URL does not say where it begins, or that is where it does.
func back(page *url.URL, n int) *url.URL {
	query := page.Query()
	offset, err := strconv.Atoi(query.Get("offset"))
	if err != nil || offset <= 0 {
		return nil
	}
	query.Set("offset", strconv.Itoa(max(0, offset-n)))
	earlier := *page
	earlier.RawQuery = query.Encode()
	return &earlier
}
