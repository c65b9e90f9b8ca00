package api

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
)

func TestContentEncodings(t *testing.T) {
	for encodings, refused := range map[string]bool{"": false, "identity": false, "Identity": false, "gzip": false, "X-Gzip": false, "gzip,identity": true, "gzip,gzip": true, "br": true, "x": true} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/", strings.NewReader("{}"))
		r.Header["Content-Encoding"] = strings.Split(encodings, ",")
		_, err := ReadBody(r, nil, 100, nil)
		if (err != nil) != refused || refused && (Classify(err) != KindEncoding || !strings.Contains(err.Error(), "gzip")) {
			t.Errorf("%q: %v", encodings, err)
		}
	}
}

func packed(t *testing.T, texts ...string) string {
	t.Helper()
	var b bytes.Buffer
	for _, text := range texts {
		w := gzip.NewWriter(&b)
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// A body that is compressed is what it is unpacked, and no larger than any other may be: the
// limit is of what it is unpacked, whatever it is packed.
func TestReadBodyThatIsCompressed(t *testing.T) {
	const limit = 1000
	some := strings.Repeat("b", limit)
	nothing := strings.Repeat(packed(t, ""), 1+(limit+firstPiece)/len(packed(t, "")))
	whole := packed(t, some)
	random := make([]byte, limit)
	for i := range random {
		random[i] = byte(rand.Uint32())
	}
	for name, c := range map[string]struct {
		sent, want string
		kind       Kind
	}{
		"as large as may be":           {whole, some, 0},
		"that packs to more":           {packed(t, string(random)), string(random), 0},
		"in two parts":                 {packed(t, "{", "}"), "{}", 0},
		"of nothing":                   {packed(t, ""), "", 0},
		"unpacked on its way":          {`{"id":"1"}`, `{"id":"1"}`, 0},
		"one byte, unpacked":           {"1", "1", 0},
		"a byte too large":             {packed(t, some+"b"), some + "b", KindTooLarge},
		"a bomb":                       {packed(t, strings.Repeat("b", 10_000*limit)), some + "b", KindTooLarge},
		"nothing, for ever":            {nothing, "", KindTooLarge},
		"too large and unpacked":       {some + "b", some + "b", KindTooLarge},
		"half":                         {whole[:len(whole)/2], "", KindSyntax},
		"without its sum":              {whole[:len(whole)-8], "", KindSyntax},
		"with another sum":             {whole[:len(whole)-8] + "01234567", "", KindSyntax},
		"followed by something":        {whole + "{}", "", KindSyntax},
		"that begins like one":         {"\x1f\x8b{}", "", KindSyntax},
		"that is nothing at all of it": {"", "", 0},
	} {
		for _, chunked := range []bool{false, true} {
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/", strings.NewReader(c.sent))
			r.Header.Set("Content-Encoding", "gzip")
			if chunked {
				r.ContentLength = -1
			}
			got, err := ReadBody(r, nil, limit, nil)
			want := c.want
			if name == "nothing, for ever" || !chunked && r.ContentLength > limit+firstPiece {
				want = ""
			}
			if (err != nil) != (c.kind != 0) || err != nil && Classify(err) != c.kind || string(got) != want {
				t.Errorf("%s, chunked %t: %.40q of %d bytes, error %v", name, chunked, got, len(got), err)
			}
		}
	}
	// What it is unpacked takes room, and none is taken of what was not.
	for has, kind := range map[room]Kind{firstPiece: 0, firstPiece - 1: KindOverload} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/", strings.NewReader(packed(t, strings.Repeat("b", firstPiece-1))))
		r.Header.Set("Content-Encoding", "gzip")
		if _, err := ReadBody(r, nil, 10*firstPiece, &has); (err != nil) != (kind != 0) || err != nil && Classify(err) != kind {
			t.Errorf("room of %d: %v", has, err)
		}
	}
}

// An unpacker that met something odd is used again.
func TestUnpackersAreUsedAgain(t *testing.T) {
	for i := range 100 {
		for _, sent := range []string{packed(t, "good"), packed(t, "good")[:12], "\x1f\x8b", "plain"} {
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/", strings.NewReader(sent))
			r.Header.Set("Content-Encoding", "gzip")
			got, err := ReadBody(r, nil, 100, nil)
			if want := map[string]string{packed(t, "good"): "good", "plain": "plain"}[sent]; string(got) != want || (err == nil) != (want != "") {
				t.Fatalf("the %dth time, %q: %q, %v", i, sent, got, err)
			}
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
				got, err := ReadBody(r, bytes.Repeat([]byte("a"), capacity), limit, nil)
				if size > limit {
					if Classify(err) != KindTooLarge || chunked != (len(got) > 0) {
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

// room is a Room of so many bytes.
type room int

func (r *room) Take(n int) bool {
	if n > int(*r) {
		return false
	}
	*r -= room(n)
	return true
}

// dribble is a body of which only the first part comes, whatever was promised.
type dribble struct {
	io.Reader
	asked int // the largest read
}

func (d *dribble) Read(b []byte) (int, error) {
	d.asked = max(d.asked, len(b))
	return d.Reader.Read(b)
}

// A body takes memory by what comes of it, not by what its sender says: a small
// one sent in chunks no more than the first piece, a promise nothing more.
func TestBodiesTakeRoomAsTheyCome(t *testing.T) {
	const limit = 4 << 20
	for _, tt := range []struct {
		name          string
		promised, has int // promised -1: in chunks
		room, taken   int
		err           error
	}{
		{"small", 2000, 2000, limit, 2000, nil},
		{"small, in chunks", -1, 2000, limit, firstPiece, nil},
		{"large", limit, limit, limit, limit, nil},
		{"large, in chunks", -1, limit, limit + 1, limit + 1, nil},
		{"a promise", limit, 100, limit, firstPiece, ErrBody},
		{"a broken promise", limit, firstPiece + 100, limit, 2 * firstPiece, ErrBody},
		{"no room at all", 2000, 2000, 1000, 0, ErrBusy},
		{"no room on the way", limit, limit, 300 << 10, 256 << 10, ErrBusy},
		{"no room on the way, in chunks", -1, limit, 300 << 10, 256 << 10, ErrBusy},
		{"too large, in chunks", -1, 2 * limit, 2 * limit, limit + 1, ErrTooLarge},
		{"too large by its own word", limit + 1, limit + 1, limit, 0, ErrTooLarge},
	} {
		d := &dribble{Reader: strings.NewReader(strings.Repeat("b", tt.has))}
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/", d)
		r.ContentLength = int64(tt.promised)
		left := room(tt.room)
		got, err := ReadBody(r, nil, limit, &left)
		if !errors.Is(err, tt.err) || tt.err == nil && len(got) != tt.has {
			t.Errorf("%s: %d bytes, error %v, want %v", tt.name, len(got), err, tt.err)
		}
		if taken := tt.room - int(left); taken != tt.taken || d.asked > taken {
			t.Errorf("%s: took room for %d bytes, want %d; read up to %d at once", tt.name, taken, tt.taken, d.asked)
		}
	}
}

// A body that broke off is not taken for a whole one, in chunks neither.
func TestABodyThatBreaksOff(t *testing.T) {
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/", iotest.DataErrReader(io.MultiReader(strings.NewReader(`{"id":"1"}`), iotest.ErrReader(io.ErrUnexpectedEOF))))
	r.ContentLength = -1
	if got, err := ReadBody(r, nil, 100, nil); !errors.Is(err, ErrBody) || len(got) != 0 {
		t.Errorf("%q, %v", got, err)
	}
}
