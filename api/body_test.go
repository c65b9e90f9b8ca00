package api

import (
	"bytes"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestReadBodyThatIsCompressed(t *testing.T) {
	for encodings, refused := range map[string]bool{"": false, "identity": false, "Identity": false, "gzip": true, "gzip,identity": true, "br": true, "x": true} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/", strings.NewReader("{}"))
		r.Header["Content-Encoding"] = strings.Split(encodings, ",")
		_, err := ReadBody(r, nil, 100)
		if (err != nil) != refused || refused && (Classify(err) != KindEncoding || !strings.Contains(err.Error(), "uncompressed")) {
			t.Errorf("%q: %v", encodings, err)
		}
	}
}

// Buffers are used again, with whatever capacity an earlier body left them.
func TestReadBodyIntoAUsedBuffer(t *testing.T) {
	const limit = 100
	for _, capacity := range []int{0, 1, limit - 1, limit, limit + 1, 10 * limit} {
		for _, size := range []int{0, 1, limit - 1, limit, limit + 1} {
			for _, chunked := range []bool{false, true} {
				want := strings.Repeat("b", size)
				r := httptest.NewRequestWithContext(t.Context(), "POST", "/", strings.NewReader(want))
				if chunked {
					r.ContentLength = -1
				}
				got, err := ReadBody(r, bytes.Repeat([]byte("a"), capacity), limit)
				if size > limit {
					if Classify(err) != KindTooLarge || len(got) != 0 {
						t.Errorf("capacity %d, size %d, chunked %v: %d bytes, error %v", capacity, size, chunked, len(got), err)
					}
					continue
				}
				if err != nil || string(got) != want {
					t.Errorf("capacity %d, size %d, chunked %v: %q, error %v", capacity, size, chunked, got, err)
				}
			}
		}
	}
}
