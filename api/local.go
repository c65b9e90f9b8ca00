package api

import (
	"net"
	"net/http"
	"strings"
)

// FromThisMachine reports whether a request comes from a program on this
// machine that means this machine: from loopback, to loopback, by nobody's
// order. The Host is checked because a page elsewhere may point its own name at
// 127.0.0.1 and so read what a browser here can. A proxy on this machine speaks
// for others: it shows by the headers that proxies add, or by HTTP/1.0, which
// is what some speak that add none, and no browser and no scraper.
func FromThisMachine(r *http.Request) bool {
	remote, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil || !isLoopback(remote) || forwarded(r) {
		return false
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return host == "localhost" || isLoopback(strings.Trim(host, "[]"))
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// forwarded reports whether a proxy sends the request.
func forwarded(r *http.Request) bool {
	if !r.ProtoAtLeast(1, 1) {
		return true
	}
	for name := range r.Header {
		switch {
		case strings.HasPrefix(name, "X-Forwarded-"), strings.HasPrefix(name, "X-Envoy-"), strings.HasPrefix(name, "Cf-"):
			return true
		case name == "Forwarded", name == "Via", name == "X-Real-Ip", name == "X-Client-Ip", name == "True-Client-Ip", name == "X-Original-Host":
			return true
		}
	}
	return false
}
