package main

import (
	"net/http"
	"testing"
	"time"
)

// Once a stop was asked for, readyz says so while requests are still answered, each with
// the end of its connection: nobody finds a closed door before it was told.
func TestAStopIsToldBeforeTheDoorCloses(t *testing.T) {
	c := testConfig(t.TempDir())
	c.StopDelay = 5 * time.Second
	ts := startConfig(t, c)
	ts.eventually("service is ready", func() bool { return ts.request(http.MethodGet, "/readyz", "", "").status == http.StatusOK })
	ts.partner("CPO", "GB", "DUN")
	stopped := make(chan struct{})
	go func() { ts.stop(); close(stopped) }()
	ts.eventually("readyz says that it stops", func() bool {
		return ts.request(http.MethodGet, "/readyz", "", "").status == http.StatusServiceUnavailable
	})
	a := ts.accepted("GB*DUN", http.MethodPut, "/receiver/tariffs/GB/DUN/T1", testTariff)
	if !a.closes {
		t.Errorf("the connection goes on: %v", a.header)
	}
	<-stopped
	if a := ts.request(http.MethodGet, "/readyz", "", ""); a.status != 0 {
		t.Errorf("stopped, and answers HTTP %d", a.status)
	}
}
