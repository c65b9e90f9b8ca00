package hub

import (
	"encoding/json"
	"fmt"
)

type versionView struct {
	Version string `json:"version"`
	URL     string `json:"url"`
}

type endpointView struct {
	Identifier string `json:"identifier"`
	Role       string `json:"role"`
	URL        string `json:"url"`
}

type detailsView struct {
	Version   string         `json:"version"`
	Endpoints []endpointView `json:"endpoints"`
}

// versions answers GET /ocpi/versions (OCPI 2.2.1 version_information).
func (s *Server) versions(x *exchange) (answer, error) {
	var list []versionView
	for _, ed := range s.editions {
		list = append(list, versionView{ed.version.String(), x.url("/" + ed.version.String())})
	}
	return jsonAnswer(list)
}

// versionDetails answers GET /ocpi/{version}.
func (s *Server) versionDetails(x *exchange) (answer, error) {
	view := detailsView{Version: x.route.version.String(), Endpoints: []endpointView{}}
	for _, ed := range s.editions {
		if ed.version != x.route.version {
			continue
		}
		for _, e := range ed.endpoints {
			view.Endpoints = append(view.Endpoints, endpointView{e.identifier, e.role, x.url(e.path)})
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
