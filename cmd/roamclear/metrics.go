package main

import (
	"net/http"
	"net/http/pprof"
	"runtime"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/roamclear/roamclear/api"
	"github.com/roamclear/roamclear/pricing/tariff"
)

// buildInfo says what runs, as labels of a metric that is 1.
func buildInfo(c *Config) prometheus.Collector {
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "roamclear_build_info", Help: "1; its labels say which version runs, with which edition of the pricing engine, and what this process does.",
		ConstLabels: prometheus.Labels{"version": version, "go_version": runtime.Version(), "pricing_edition": tariff.EngineVersion, "roles": strings.Join(c.Roles, ",")},
	})
	info.Set(1)
	return info
}

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
	engine := api.NewEngine(s.logger)
	engine.GET("/metrics", gin.WrapH(api.MetricsHandler(s.registry)))
	for path, handle := range map[string]http.HandlerFunc{
		"": pprof.Index, ":profile": pprof.Index, "cmdline": pprof.Cmdline, "profile": pprof.Profile, "symbol": pprof.Symbol, "trace": pprof.Trace,
	} {
		engine.GET("/debug/pprof/"+path, gin.WrapF(handle))
	}
	api.ServeHead(engine)
	return &httpServer{listener: listener, tls: s.certs.tls, url: s.certs.url(listener), server: &http.Server{
		Handler: engine, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute,
		WriteTimeout: 5 * time.Minute, // a profile takes as long as it is asked to
		IdleTimeout:  5 * time.Minute, MaxHeaderBytes: 32 << 10,
	}}, nil
}
