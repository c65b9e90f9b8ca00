package api

import (
	"bytes"
	"net/http/httptest"
	"strings"
	"testing"
)

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
