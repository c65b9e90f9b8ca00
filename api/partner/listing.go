package partner

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/ocpi"
)

// Bounds of one list. What is beyond them was not read to its end.
const (
	pageLimit  = 100 // objects asked for at once
	maxPages   = 200_000
	maxListing = 16 << 30 // bytes
	maxRepeats = 3        // pages one after the other that came before
	maxEmpty   = 1000     // pages one after the other that hold nothing
	maxBacks   = 100      // how often it is gone back for what moved
)

// Errors of a list that has no end.
var (
	errEndless = errors.New("the list has no end")
	errRepeats = errors.New("the list repeats itself")
)

// listing reads a partner's list page by page. Links, totals and pages of
// partners are wrong in many ways; it ends in all of them, and knows whether it
// came to the list's end: where nothing follows by the partner's own word, or
// as many objects came as it counts.
type listing struct {
	get      func(ctx context.Context, page string) (*Answer, error)
	endpoint *url.URL
	from     time.Time // last_updated of the oldest wanted; zero = all

	limit   int                        // objects asked for at once
	visited map[[sha256.Size]byte]bool // pages asked for
	asked   int                        // pages
	pages   map[[sha256.Size]byte]bool // what they held
	read    int                        // objects on pages that came once
	total   int                        // as the partner counts, -1 = it does not
	bytes   int64
	repeats int  // pages one after the other that came before
	empty   int  // pages one after the other that hold nothing
	backs   int  // how often it was gone back
	circles bool // a link leads back
	end     bool // a page linked no further
	said    bool // the partner says where pages or the list end
	doubted bool // by what came the list may hold more, or have held more meanwhile
}

// step is one page to be read. A guess is one that nothing links to.
type step struct {
	url   *url.URL
	guess bool
}

// walk hands each page's objects to each, in the list's order, those of a page
// that came before left out. It returns nil at the list's end.
func (l *listing) walk(ctx context.Context, each func(items [][]byte) error) error {
	l.visited, l.pages, l.total, l.limit = map[[sha256.Size]byte]bool{}, map[[sha256.Size]byte]bool{}, -1, pageLimit
	for at, more := (step{url: l.at(0)}), true; more; {
		if l.asked++; l.asked > maxPages || l.bytes > maxListing {
			return fmt.Errorf("%w: it was given up after %d objects", errEndless, l.read)
		}
		l.visited[pageOf(at.url)] = true
		a, items, err := l.page(ctx, at.url)
		if errors.Is(err, api.ErrTooLarge) && l.limit > 1 {
			at.url = l.smaller(at.url)
			continue
		}
		if failed, ok := errors.AsType[*Error](err); ok && at.guess && a == nil && !failed.passing() {
			l.doubted = true
			return l.ended() // nothing had said that there is such a page
		}
		if err != nil {
			return err
		}
		if l.fresh(a.Data, len(items)) {
			if err := each(items); err != nil {
				return err
			}
			l.read += len(items)
		}
		if at.guess && len(items) == 0 {
			l.said = true
			return nil // by the partner's word nothing follows what was read
		}
		at, more = l.next(at, a.Header, len(items))
	}
	return l.ended()
}

// page reads a page; with the answer where it came, and its list cannot be read.
func (l *listing) page(ctx context.Context, page *url.URL) (a *Answer, items [][]byte, err error) {
	if a, err = l.get(ctx, page.String()); err != nil {
		return nil, nil, err
	}
	if items, err = objects(a.Data); err != nil {
		return a, nil, &Error{Method: http.MethodGet, Path: page.EscapedPath(), HTTP: a.HTTP, Status: a.Status, Err: err}
	}
	return a, items, nil
}

// pageOf is what a page is known by: links may be long.
func pageOf(page *url.URL) [sha256.Size]byte { return sha256.Sum256([]byte(page.RequestURI())) }

// smaller is a page of fewer objects, for one that is too large to be read.
func (l *listing) smaller(page *url.URL) *url.URL {
	l.limit = max(1, l.limit/4)
	u := *page
	query := u.Query()
	query.Set("limit", strconv.Itoa(l.limit))
	u.RawQuery = query.Encode()
	return &u
}

// at is the page that begins at an offset.
func (l *listing) at(offset int) *url.URL {
	u := *l.endpoint
	query := u.Query()
	if !l.from.IsZero() {
		query.Set("date_from", l.from.UTC().Format("2006-01-02T15:04:05Z"))
	}
	query.Set("offset", strconv.Itoa(offset))
	query.Set("limit", strconv.Itoa(l.limit))
	u.RawQuery = query.Encode()
	return &u
}

// fresh notes what a page holds and reports whether that did not come before.
func (l *listing) fresh(data []byte, items int) bool {
	l.bytes += int64(len(data))
	if items == 0 { // all that is on it may be what we may not see
		if l.empty++; l.empty == maxEmpty {
			l.repeats = maxRepeats
		}
		return true
	}
	l.empty = 0
	sum := sha256.Sum256(data)
	if l.pages[sum] {
		l.doubted = true
		l.repeats++
		return false
	}
	l.pages[sum], l.repeats = true, 0
	return true
}

// next returns the page after at, which held so many objects.
func (l *listing) next(at step, h http.Header, items int) (next step, more bool) {
	if earlier := l.moved(at, h, items); earlier != nil {
		return step{url: earlier}, true
	}
	link, ok := nextLink(h)
	l.said = l.said || ok || l.total >= 0 || h.Get(ocpi.HeaderLimit) != ""
	to, linked := follow(l.endpoint, at.url, link)
	switch linked = linked && ok; {
	case linked && l.repeats < maxRepeats && !l.visited[pageOf(to)]:
		return step{url: to}, true
	case linked:
		l.circles, l.doubted = true, true
	case !l.circles:
		l.end = true
	}
	// Without a link that leads on this is the end, by OCPI. Some partners send
	// none at all: what they count, or a page that is full, says that there is more.
	if to = l.at(l.read); l.visited[pageOf(to)] || l.repeats >= maxRepeats {
		return step{}, false
	}
	return step{url: to, guess: true}, l.circles || l.total > l.read || l.total < 0 && full(h, items, l.limit)
}

// full reports whether a page holds all that one may, as we asked or its partner says.
func full(h http.Header, items, limit int) bool {
	if n, err := strconv.Atoi(h.Get(ocpi.HeaderLimit)); err == nil && n > 0 {
		limit = min(limit, n)
	}
	return items >= limit
}

// moved returns the page to go back to where objects left the list since the page
// before: all that followed them moved up, some of it behind us (R-PAGE-05). It is
// nil where none did. Reading objects again is harmless.
func (l *listing) moved(at step, h http.Header, items int) *url.URL {
	gone := l.count(h)
	if gone <= 0 {
		return nil
	}
	l.doubted = true
	if at.guess || l.backs == maxBacks {
		return nil
	}
	earlier := back(at.url, gone)
	if earlier == nil {
		return nil
	}
	l.backs++
	l.visited = map[[sha256.Size]byte]bool{} // it is another list by now
	// What left it may have been ahead of us: then all pages that we go back over came
	// before, as often as there are such pages, and no list repeats itself by that.
	l.repeats = min(l.repeats, 0) - gone/max(items, 1) - 1
	return earlier
}

// count notes how many objects the list has, and returns how many fewer that are
// than on the page before.
func (l *listing) count(h http.Header) (gone int) {
	n, err := strconv.Atoi(h.Get(ocpi.HeaderTotalCount))
	if err != nil || n < 0 {
		return 0
	}
	gone = l.total - n
	l.total = n
	return gone
}

// complete reports whether a list that was walked to its end is whole by all that its
// partner said of it: as many objects came as it counts, no page twice, and none left
// it meanwhile. What such a list lacks is not there. Of one that came without a link,
// count or limit nobody knows whether a page that is not full was its last.
func (l *listing) complete() bool {
	return !l.doubted && l.said && (l.total < 0 || l.total == l.read)
}

// ended reports a list that was left without being at its end.
func (l *listing) ended() error {
	if l.circles && !l.end && (l.total < 0 || l.read < l.total) {
		return fmt.Errorf("%w after %d objects", errRepeats, l.read)
	}
	return nil
}

// objects takes a list apart. One that holds a single object comes as that object
// from some partners, an empty one as null.
func objects(data []byte) ([][]byte, error) {
	data = bytes.TrimSpace(data)
	if len(data) == 0 || string(data) == "null" {
		return nil, nil
	}
	if data[0] == '{' {
		return [][]byte{data}, nil
	}
	return elements(data)
}
