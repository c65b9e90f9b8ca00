package apitest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/api/apitest"
)

// An answer may take longer than its request may take to come, with a body as without; a
// body that does not come is given up.
func TestAnAnswerMayTakeLongerThanItsRequest(t *testing.T) {
	const within = 100 * time.Millisecond
	e := gin.New()
	e.Any("/", func(c *gin.Context) {
		api.Pace{}.Keep(c)
		if _, err := io.ReadAll(c.Request.Body); err != nil {
			c.String(http.StatusRequestTimeout, "no body")
			return
		}
		select {
		case <-c.Request.Context().Done():
			c.String(http.StatusInternalServerError, "cut off")
		case <-time.After(5 * within):
			c.String(http.StatusOK, "answered")
		}
	})
	s := apitest.Serve(t, e, within)
	for _, tc := range []struct {
		method string
		body   io.Reader
		want   string
	}{
		{http.MethodGet, nil, "200 answered"},
		{http.MethodPost, strings.NewReader(`{"period":"2026-01"}`), "200 answered"},
		{http.MethodPost, nil, "200 answered"},
		{http.MethodPut, io.MultiReader(strings.NewReader("chunk"), strings.NewReader("ed")), "200 answered"},
		{http.MethodPost, never{t.Context().Done()}, "408 no body"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), tc.method, "http://"+s.Address+"/", tc.body)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Errorf("%s: %v", tc.method, err)
			continue
		}
		said, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if got := fmt.Sprintf("%d %s", res.StatusCode, said); got != tc.want || err != nil {
			t.Errorf("%s: %s, %v; want %s", tc.method, got, err, tc.want)
		}
	}
}

// never is a body that does not come.
type never struct{ ended <-chan struct{} }

func (n never) Read([]byte) (int, error) {
	<-n.ended
	return 0, io.EOF
}
