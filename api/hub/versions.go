package hub

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/roamclear/roamclear/ocpi"
)

// versions answers GET /ocpi/versions (OCPI 2.2.1 version_information), and the
// same below a tree of 2.1.1. Of the two trees the list of all names the one for
// the partner's role; a platform with both roles takes the list of each.
func (x *exchange) versions() (answer, error) {
	tree := ""
	if x.route.edition != nil {
		tree = x.route.edition.tree
	}
	var list []ocpi.VersionInfo
	for i := range x.s.editions {
		ed := &x.s.editions[i]
		other := tree != "" && ed.tree != "" && ed.tree != tree
		listed := slices.ContainsFunc(list, func(v ocpi.VersionInfo) bool { return v.Version == ed.version.String() })
		if !other && !listed && ed.isFor(x.partner) {
			list = append(list, ocpi.VersionInfo{Version: ed.version.String(), URL: x.url(ed.path())})
		}
	}
	return jsonAnswer(list)
}

// versionDetails answers GET /ocpi/{version}: every module, whatever the partner
// may do there, so that one that is still registering sees what there will be.
func (x *exchange) versionDetails() (answer, error) {
	ed := x.route.edition
	view := ocpi.VersionDetails{Version: ed.version.String(), Endpoints: []ocpi.Endpoint{}}
	for _, e := range ed.endpoints {
		view.Endpoints = append(view.Endpoints, ocpi.Endpoint{Identifier: e.identifier, Role: e.role, URL: x.url(e.path)})
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
