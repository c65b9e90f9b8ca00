package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/roamclear/roamclear/ocpi"
	"github.com/roamclear/roamclear/settlement/clearing"
	"github.com/roamclear/roamclear/settlement/statement"
)

// While a close runs it is told where it went on, and nothing twice; a service that does not
// say ends it.
func TestProgressOfACloseIsTold(t *testing.T) {
	answers := []string{
		`{"underway":null}`, `{"underway":{"period":"2019-06","stage":"waiting","lags":"3 CDRs of roamclear.cdrs/0 are not priced yet","statements":0,"lines":0}}`,
		`{"underway":{"period":"2019-06","stage":"drawing","statements":2,"lines":40}}`, `{"underway":{"period":"2019-06","stage":"drawing","statements":2,"lines":40}}`,
		`{"underway":{"stage":"reading back","statements":1,"lines":7}}`,
	}
	ticks := make(chan time.Time)
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/admin/v1/periods/closing" || asked == len(answers) {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		fmt.Fprintln(w, answers[asked])
		asked++
	}))
	t.Cleanup(srv.Close)
	var told []string
	done := make(chan struct{})
	go func() {
		defer close(done)
		c := &adminClient{url: srv.URL, base: "/admin/v1", http: newAdminHTTP(nil)}
		tellEach(t.Context(), c, ticks, func(text string) { told = append(told, text) })
	}()
	for range len(answers) + 1 {
		ticks <- time.Time{}
	}
	<-done
	want := []string{"2019-06 waiting: 3 CDRs of roamclear.cdrs/0 are not priced yet", "2019-06 drawing: 2 statements, 40 lines", "reading back: 1 statements, 7 lines"}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Error(diff)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	tellEach(ctx, &adminClient{}, ticks, func(text string) { t.Errorf("told when nobody waits: %s", text) })
}

// What is under way is known from the first moment on, and gone behind it.
func TestWhatIsBeingClosed(t *testing.T) {
	c := closer{}
	if c.Underway() != nil {
		t.Error("something is being closed")
	}
	told := c.tells(clearing.Scope{CPO: ocpi.NewParty("NL", "TNM")}, 201906)
	if u := c.Underway(); u == nil || u.Stage != statement.StageWaiting || u.Period != 201906 {
		t.Errorf("%+v", u)
	}
	told(statement.CloseProgress{Stage: statement.StageWriting, Lines: 9})
	if u := c.Underway(); u.Stage != statement.StageWriting || u.Lines != 9 || u.Scope.CPO != ocpi.NewParty("NL", "TNM") {
		t.Errorf("%+v", u)
	}
}
