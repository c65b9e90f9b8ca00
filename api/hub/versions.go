package hub

import (
	"encoding/json"
	"fmt"

	"github.com/roamclear/roamclear/ocpi"
)

// versions answers GET /ocpi/versions (OCPI 2.2.1 version_information).
func (s *Server) versions(x *exchange) (answer, error) {
	var list []ocpi.VersionInfo
	for _, ed := range s.editions {
		list = append(list, ocpi.VersionInfo{Version: ed.version.String(), URL: x.url("/" + ed.version.String())})
	}
	return jsonAnswer(list)
}

// versionDetails answers GET /ocpi/{version}.
func (s *Server) versionDetails(x *exchange) (answer, error) {
	view := ocpi.VersionDetails{Version: x.route.version.String(), Endpoints: []ocpi.Endpoint{}}
	for _, ed := range s.editions {
		if ed.version != x.route.version {
			continue
		}
		for _, e := range ed.endpoints {
			view.Endpoints = append(view.Endpoints, ocpi.Endpoint{Identifier: e.identifier, Role: e.role, URL: x.url(e.path)})
		}
	}
	return jsonAnswer(view)
}

func jsonAnswer(v any) (answer, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return answer{}, fmt.Errorf("encode answer: %w", err)
	}
	return answer{data: data}, nil
}

// url returns the absolute URL of a path below Prefix.
func (x *exchange) url(path string) string { return x.origin() + Prefix + path }

// origin is where the client can reach us: the configured public URL, else
// where its request went.
func (x *exchange) origin() string {
	switch {
	case x.s.PublicURL != "":
		return x.s.PublicURL
	case x.r.TLS != nil:
		return "https://" + x.r.Host
	}
	return "http://" + x.r.Host
}
