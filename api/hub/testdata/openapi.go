//go:build ignore

// Openapi writes what the official OpenAPI documents say of the modules that a hub
// serves: paths, statuses, headers, and of objects the names, types, lengths and
// values; no text, no examples. It reads a clone of
// https://github.com/ocpi/openapi-specification:
//
//	go run api/hub/testdata/openapi.go CLONE > api/hub/testdata/openapi.txt
//
// Each line is a version, the path or schema it is about, and what is said of it, as
// OpenAPI has it. The documents name a licence whose text is not with them, so that
// they themselves are not copied here.
package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// documents are the interfaces of what a hub serves; "" is the side of a module
// that has none.
var documents = map[string][]string{
	"versions": {""}, "credentials": {""}, "hubclientinfo": {"sender"},
	"locations": {"sender", "receiver"}, "tariffs": {"sender", "receiver"}, "sessions": {"sender", "receiver"},
	"cdrs": {"sender", "receiver"}, "tokens": {"sender", "receiver"},
}

// said are the keys of the documents that say what an answer may be.
var said = []string{
	"type", "format", "enum", "required", "properties", "items", "allOf", "oneOf", "pattern", "minLength", "maxLength", "minItems", "maxItems",
	"minimum", "maximum", "headers", "content", "application/json", "schema", "responses",
}

var methods = []string{"get", "put", "post", "patch", "delete"}

type object = map[string]any

// reader takes one version apart.
type reader struct {
	clone, folder string
	schemas       object
}

func main() {
	for _, version := range []string{"2.2.1", "2.3.0"} {
		r := reader{os.Args[1], "ocpi/" + version, object{}}
		paths := object{}
		for module, sides := range documents {
			for _, side := range sides {
				r.paths(paths, module, side)
			}
		}
		list(version, "path", paths)
		list(version, "schema", r.schemas)
	}
}

func list(version, what string, parts object) {
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		said, err := json.Marshal(parts[name])
		must(err)
		fmt.Println(version, what, name, string(said))
	}
}

func (r *reader) paths(paths object, module, side string) {
	file := r.folder + "/modules/" + module + "/" + strings.TrimPrefix(side+"-interface.yaml", "-")
	for at, item := range r.load(file)["paths"].(object) {
		kept := object{}
		for method, operation := range item.(object) {
			if slices.Contains(methods, method) {
				kept[method] = object{"responses": r.facts(file, operation.(object)["responses"])}
			}
		}
		paths[strings.TrimSuffix("/"+side, "/")+at] = kept
	}
}

// facts keeps of a part of a document what is said, with references followed;
// those to schemas stay references.
func (r *reader) facts(file string, part any) any {
	switch part := part.(type) {
	case []any:
		for i := range part {
			part[i] = r.facts(file, part[i])
		}
	case object:
		if ref, ok := part["$ref"].(string); ok {
			return r.follow(file, ref)
		}
		kept := object{}
		for key, value := range part {
			switch {
			case key == "properties" || key == "headers" || key == "responses":
				kept[key] = r.named(file, value.(object))
			case slices.Contains(said, key):
				kept[key] = r.facts(file, value)
			case strings.Trim(key, "0123456789") == "": // an HTTP status
				response := r.facts(file, value).(object)
				response["description"] = "" // which OpenAPI requires
				kept[key] = response
			}
		}
		return kept
	}
	return part
}

func (r *reader) named(file string, parts object) object {
	kept := object{}
	for name, part := range parts {
		kept[name] = r.facts(file, part)
	}
	return kept
}

func (r *reader) follow(file, ref string) any {
	in, at, _ := strings.Cut(ref, "#/")
	if in == "" {
		in = file
	} else {
		in = path.Join(path.Dir(file), in)
	}
	var part any = r.load(in)
	for key := range strings.SplitSeq(at, "/") {
		part = part.(object)[key]
	}
	if part == nil {
		panic(fmt.Sprintf("%s: there is no %s", file, ref))
	}
	if !strings.HasPrefix(at, "components/schemas/") {
		return r.facts(in, part)
	}
	name := path.Base(path.Dir(in)) + "." + path.Base(at)
	if r.schemas[name] == nil {
		r.schemas[name] = object{} // it may refer to itself
		r.schemas[name] = r.facts(in, part)
	}
	return object{"$ref": "#/components/schemas/" + name}
}

func (r *reader) load(file string) (document object) {
	text, err := exec.Command("git", "-C", r.clone, "show", "HEAD:"+file).Output()
	must(err)
	must(yaml.Unmarshal(text, &document))
	return document
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
