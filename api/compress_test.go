package api

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
)

// compressing serves what h answers, compressed, and asks for it as told: bytes come as sent.
func compressing(t *testing.T, h gin.HandlerFunc, method string, headers ...string) (*http.Response, string, error) {
	t.Helper()
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.GET("/", h)
	ServeHead(e)
	s := httptest.NewServer(Compressed(e))
	t.Cleanup(s.Close)
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

// Answers are compressed for who takes gzip, and are what they were; small ones, and what is asked for by HEAD are as they are.
func TestCompressed(t *testing.T) {
	large := strings.Repeat(`{"id":"C1"},`, 10_000)
	for _, c := range []struct {
		what, kind, body, method, accepts string
		want                              string // Content-Encoding
	}{
		{"a list", "application/json", large, "GET", "gzip", "gzip"},
		{"a list, by a browser", "application/json", large, "GET", "gzip, deflate, br, zstd", "gzip"},
		{"a page", "text/html; charset=utf-8", large, "GET", "gzip", "gzip"},
		{"a table", "text/csv; charset=utf-8", large, "GET", "gzip", "gzip"},
		{"lines of JSON", "application/x-ndjson", large, "GET", "gzip", "gzip"},
		{"a document", "application/yaml; charset=utf-8", large, "GET", "gzip", "gzip"},
		{"for who takes zstd alone", "application/json", large, "GET", "zstd", ""},
		{"for who takes it not", "application/json", large, "GET", "gzip;q=0", ""},
		{"for who says nothing", "application/json", large, "GET", "", ""},
		{"a small answer", "application/json", large[:leastCompressed-1], "GET", "gzip", ""},
		{"its header alone", "application/json", large, "HEAD", "gzip", ""},
	} {
		resp, body, err := compressing(t, func(gc *gin.Context) { gc.Data(http.StatusOK, c.kind, []byte(c.body)) }, c.method, "Accept-Encoding", c.accepts)
		if err != nil {
			t.Fatal(err)
		}
		if got := resp.Header.Get("Content-Encoding"); got != c.want || c.method == "GET" && resp.Header.Get("Vary") != "Accept-Encoding" || resp.Header.Get("Content-Type") != c.kind {
			t.Errorf("%s: %v, want it encoded as %q", c.what, resp.Header, c.want)
		}
		want := c.body
		if c.method == "HEAD" {
			want = ""
		}
		if c.want == "gzip" {
			if len(body) > len(want)/5 {
				t.Errorf("%s: %d of %d bytes", c.what, len(body), len(want))
			}
			r, err := gzip.NewReader(bytes.NewReader([]byte(body)))
			if err != nil {
				t.Fatal(err)
			}
			unpacked, err := io.ReadAll(r)
			if body = string(unpacked); err != nil {
				t.Fatal(err)
			}
		}
		if body != want {
			t.Errorf("%s: it is another body, of %d bytes", c.what, len(body))
		}
	}
}

// Half an answer is broken off, compressed or not: nobody may take it for a whole one.
func TestHalfAnAnswerIsBrokenOff(t *testing.T) {
	for _, accepts := range []string{"", "gzip"} {
		_, _, err := compressing(t, func(gc *gin.Context) {
			gc.Header("Content-Type", "application/json")
			_, _ = gc.Writer.WriteString(strings.Repeat("[", 1<<20))
			panic(http.ErrAbortHandler)
		}, "GET", "Accept-Encoding", accepts)
		if err == nil {
			t.Errorf("Accept-Encoding %q: it came to its end", accepts)
		}
	}
}

// What has not changed is not sent again.
func TestUnchanged(t *testing.T) {
	for asked, has := range map[string]bool{"": false, `"one"`: true, `W/"one"`: true, `"other"`: false, `"other", W/"one"`: true, "*": true, "one": false} {
		resp, body, err := compressing(t, func(gc *gin.Context) {
			if !Unchanged(gc, "one") {
				gc.String(http.StatusOK, "whole")
			}
		}, "GET", "If-None-Match", asked)
		want, status := "whole", http.StatusOK
		if has {
			want, status = "", http.StatusNotModified
		}
		if err != nil || resp.StatusCode != status || body != want || resp.Header.Get("ETag") != `W/"one"` || resp.Header.Get("Cache-Control") != "private, no-cache" {
			t.Errorf("%q: HTTP %d %q %v %v", asked, resp.StatusCode, body, resp.Header, err)
		}
	}
}
