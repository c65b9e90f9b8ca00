package page_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/gin-gonic/gin"

	"github.com/roamclear/roamclear/api/page"
	"github.com/roamclear/roamclear/api/page/pagetest"
	"github.com/roamclear/roamclear/api/report/reporttest"
	"github.com/roamclear/roamclear/api/rest"
	"github.com/roamclear/roamclear/ingest/messages"
	"github.com/roamclear/roamclear/ingest/messages/messagestest"
)

func newMessagesSite(t *testing.T, open bool) (site, []messages.Message) {
	t.Helper()
	var log bytes.Buffer
	world, kept := reporttest.World(5), messagestest.New()
	if err := kept.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, _, err := kept.Store.Messages(t.Context(), messages.Query{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	engine := gin.New()
	page.Mount(engine, page.Deps{Reader: world, Messages: rest.Messages{Log: kept, CDR: world.CDR}, Keys: apiKeys{}, Open: open, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	return site{Handler: engine, log: &log}, all
}

// What was exchanged is listed, and each message shows its bodies and what became of it.
func TestMessagesShow(t *testing.T) {
	s, all := newMessagesSite(t, true)
	list := content(t, s.get(t, "/messages", ""))
	for _, want := range []string{"gb-dun-cpo", "DUN-&lt;2&gt;", "HTTP 200, 2001", "currency: required", "no answer", "41.0 ms", "30.0 s"} {
		if !strings.Contains(list, want) {
			t.Errorf("the list does not have %q: %s", want, list)
		}
	}
	for i, wants := range [][]string{
		{"Unknown: no answer came", "no answer in time", "https://exw.example/ocpi/versions"},
		{"Asked of gb-dun-cpo", "&#34;location_id&#34;: &#34;L1&#34;", "7 bytes that are not text", "Answered."},
		{"Refused, and kept with the reason", `href="/refused?sender=gb-dun-cpo"`, "refused 1-1-7", "cdr_id=DUN-%3C2%3E"},
		{"cdrs 1-1-7", "DUN-10001", "correlation_id=c-1", "1.8 ms", "Success"},
	} {
		w := s.get(t, "/messages/"+all[i].MessageID().String(), "")
		one := content(t, w)
		for _, want := range wants {
			if w.Code != http.StatusOK || !strings.Contains(one, want) {
				t.Errorf("message %d does not have %q: %s", i, want, one)
			}
		}
	}
	for path, want := range map[string]int{"/messages?status=x": 400, "/messages?who=x": 400, "/messages/x": 404, "/messages?partner=gb-dun-cpo&limit=1": 200} {
		if w := s.get(t, path, ""); w.Code != want {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	shut, _ := newMessagesSite(t, false)
	if w := shut.get(t, "/messages", "all"); w.Code != http.StatusForbidden {
		t.Errorf("a key without the scope: %d", w.Code)
	}
}

// Messages are read in every window.
func TestMessagesInTheBrowser(t *testing.T) {
	ctx := pagetest.Browser(t)
	s, all := newMessagesSite(t, true)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	shots := pagetest.Shots(t)
	for _, l := range []pagetest.Look{
		{Name: "desktop", Width: 1200, Height: 900}, {Name: "dark", Width: 1280, Height: 900, Dark: true}, {Name: "narrow", Width: 320, Height: 1400, Phone: true},
	} {
		pagetest.Do(t, ctx, l.Emulate())
		for name, path := range map[string]string{"messages": "/messages", "message": "/messages/" + all[2].MessageID().String()} {
			pagetest.Do(t, ctx, chromedp.Navigate(server.URL+path), pagetest.Seen("h1"))
			pagetest.Fits(t, ctx, shots, l.Name+"-"+name)
		}
	}
}
