package main

import (
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/roamclear/roamclear/api"
)

// newMetricsServer takes the address of metrics.listen: metrics and profiles,
// to everybody who can reach it, apart from what partners reach. It returns nil
// where the setting is empty.
func newMetricsServer(s *service) (*httpServer, error) {
	address := s.config.Metrics.Listen
	if address == "" {
		return nil, nil
	}
	listener, err := listen(address, "metrics.listen")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", api.MetricsHandler(s.registry))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return &httpServer{listener: listener, tls: s.certs.tls, url: s.certs.url(listener), server: &http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute,
		WriteTimeout: 5 * time.Minute, // a profile takes as long as it is asked to
		IdleTimeout:  5 * time.Minute, MaxHeaderBytes: 32 << 10,
	}}, nil
}
