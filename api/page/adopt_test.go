package page_test

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/roamclear/roamclear/api/report/reporttest"
	"github.com/roamclear/roamclear/ingest"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
)

const copied, contentsOf = "/cdrs/GB/DUN/C-0004", "/conflicts/GB/DUN/C-0004"

// copiedCDR is the fifth CDR of a draft, of which another copy counts than the first.
func copiedCDR(t *testing.T, store *reporttest.Store, d *statement.Draft) settlement.CDRDetail {
	t.Helper()
	c := cdrOf(store, d, 4)
	all, err := drafts{}.CopiesOf(t.Context(), c.Key)
	if err != nil {
		t.Fatal(err)
	}
	c.Position, c.Received, c.Sender, c.Hash, c.Copies = all.All[0].Position, all.All[0].Received, all.All[0].Sender, all.All[0].Hash, all.All[1:]
	store.Conflicted = append(store.Conflicted, settlement.Conflict{Key: c.Key, ID: c.ID, Counts: all.All[0], Others: c.Copies})
	return c
}

// Pages say which copy of a CDR counts and by whose decision, as far as the visitor may know;
// who decides can have another one count.
func TestWhichCopyCounts(t *testing.T) {
	s := statementSite(t)
	golden(t, "contents_adopted.html", content(t, s.get(t, contentsOf, "decides")))
	for _, tc := range []struct{ key, target, says, not string }{
		{"decides", contentsOf, "Have the copy of 2026-03-03 10:01:00 UTC count, receipt 0-0-1", "receipt 0-0-4: "},
		{"all", contentsOf, "they <corrected> it", `id="decide"`},
		{"volt", contentsOf, "somebody who is not told", "corrected"},
		{"all", contentsOf, "Another copy than the first counts, as was decided", "The first copy counts"},
		{"all", copied, "counts, as was decided", "first, counts"},
		{"all", copied, "first, other content", ""},
		{"all", copied, "another copy counts, receipt 0-0-4", ""},
		{"volt", copied, "another copy counts, receipt 0-0-4", "corrected"},
		{"all", "/conflicts?id=C-0004", "as decided", ""},
		{"all", "/conflicts/FR/MOU/MOU-10011", "The first copy counts", "as was decided"},
	} {
		if got := html.UnescapeString(content(t, s.get(t, tc.target, tc.key))); !strings.Contains(got, tc.says) || tc.not != "" && strings.Contains(got, tc.not) {
			t.Errorf("%s %s: want %q and not %q:\n%s", tc.key, tc.target, tc.says, tc.not, got)
		}
	}
}

// A form has another copy count, with a reason, of what its page showed; it is told once.
func TestAdopting(t *testing.T) {
	s := statementSite(t)
	for _, tc := range []struct {
		title, key string
		change     func(form url.Values)
		header     []string
		status     int
		says       string // what the next page tells, or what this one says
	}{
		{"the first again", "decides", func(url.Values) {}, nil, 303, "Copy 0-0-1 counts now."},
		{"it is not priced yet", "decides", func(f url.Values) { f.Set("reason", "later") }, nil, 303, "It is decided that copy 0-0-1 counts; it does once it is priced."},
		{"without a reason", "decides", func(f url.Values) { f.Set("reason", " ") }, nil, 400, "say why"},
		{"without a copy", "decides", func(f url.Values) { f.Set("act", "adopt") }, nil, 400, "required: the receipt of the copy"},
		{"no copy", "decides", func(f url.Values) { f.Set("act", "adopt 0-0-9") }, nil, 400, "0-0-9 is no copy of GB*DUN*C-0004: these are 0-0-4 (counts), 0-0-1 (the first), 0-0-3"},
		{"the one that counts", "decides", func(f url.Values) { f.Set("act", "adopt 0-0-4") }, nil, 409, "counts already"},
		{"another act", "decides", func(f url.Values) { f.Set("act", "reject") }, nil, 400, "not among what the page offered"},
		{"decided meanwhile", "decides", func(f url.Values) { f.Set("seen", "38") }, nil, 409, "somebody decided about it since"},
		{"from another site", "decides", func(url.Values) {}, []string{"Sec-Fetch-Site", "cross-site"}, 403, "sent from another site"},
		{"who reads only", "all", func(url.Values) {}, nil, 403, "finance:decide"},
		{"without a key", "", func(url.Values) {}, nil, 403, "finance:decide"},
	} {
		t.Run(tc.title, func(t *testing.T) {
			decided = clearing.NewDecision{}
			form := formOf(s.get(t, contentsOf, "decides").Body.String())
			form.Set("act", "adopt 0-0-1")
			form.Set("reason", "as agreed")
			tc.change(form)
			w := s.do(t, http.MethodPost, contentsOf, tc.key, form, tc.header...)
			if w.Code != tc.status {
				t.Fatalf("status %d, want %d: %s", w.Code, tc.status, content(t, w))
			}
			if w.Code == http.StatusSeeOther {
				cookie, _, _ := strings.Cut(w.Header().Get("Set-Cookie"), ";")
				if w = s.get(t, w.Header().Get("Location"), "decides", "Cookie", cookie); !strings.Contains(w.Header().Get("Set-Cookie"), "Max-Age=0") {
					t.Error("it is told again")
				}
				want := clearing.DecidedGroup{Covers: []string{}, CDRs: []ingest.Position{{Offset: 4}}}
				if decided.Act != clearing.Adopt || decided.Copy != (ingest.Position{Offset: 1}) || len(decided.Groups) != 1 || len(decided.Groups[0].Covers) != 0 || decided.Groups[0].CDRs[0] != want.CDRs[0] ||
					decided.By != "key-7" || decided.Scope.EMSP != ocpi.NewParty("DE", "VOL") {
					t.Errorf("decided: %+v", decided)
				}
			} else if decided.Act != "" {
				t.Errorf("decided: %+v", decided)
			}
			if said := html.UnescapeString(content(t, w)); !strings.Contains(said, tc.says) {
				t.Errorf("want %q: %s", tc.says, said)
			}
		})
	}
}
