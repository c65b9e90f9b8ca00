// Command image puts the container image of roamclear together and writes it as an archive
// that docker load, podman load and crane push read: no container engine takes part.
//
// It is a module of its own: what it needs is nothing that the service is made of.
package main

import (
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// configJSON is how a container of the image runs; tests of the program read it too.
//
//go:embed config.json
var configJSON []byte

// user is whom the data directory belongs to: config.json runs the program as that.
const user = 65532

// parts are what an image is made of.
type parts struct {
	base     string // directory with the system's files, and its packages in var/lib/dpkg/status.d
	program  string
	engine   string // the library, in a directory that is named after its version
	version  string
	revision string
	at       time.Time // of all files: the same parts are the same image
}

func main() {
	log.SetFlags(0)
	var p parts
	var at int64
	flag.StringVar(&p.base, "base", "", "directory with the system's files")
	flag.StringVar(&p.program, "program", "", "the program")
	flag.StringVar(&p.engine, "engine", "", "the engine's library")
	flag.StringVar(&p.version, "version", "", "semantic version")
	flag.StringVar(&p.revision, "revision", "", "commit")
	flag.Int64Var(&at, "time", 0, "time of all files, in seconds since 1970")
	tag := flag.String("tag", "", "name of the image")
	to := flag.String("to", "", "archive to write; what is in it is written beside, as .cdx.json")
	flag.Parse()
	p.at = time.Unix(at, 0).UTC()
	if err := write(&p, *tag, *to); err != nil {
		log.Fatal("image: ", err)
	}
}

func write(p *parts, tag, to string) error {
	ref, err := name.NewTag(tag)
	if err != nil {
		return err
	}
	bom, err := p.bom()
	if err != nil {
		return fmt.Errorf("list what is in the image: %w", err)
	}
	if err := os.WriteFile(to+".cdx.json", bom, 0o644); err != nil {
		return err
	}
	image, err := p.image(bom)
	if err != nil {
		return err
	}
	return tarball.WriteToFile(to, ref, image)
}

// image is what changes least first.
func (p *parts) image(bom []byte) (v1.Image, error) {
	base, err := tree(p.base)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", p.base, err)
	}
	version := filepath.Base(filepath.Dir(p.engine))
	engine := []file{{path: "usr/lib/roamclear/engine/" + version + "/libchdb.so", from: p.engine, mode: 0o644}}
	program := []file{
		{path: "usr/bin/roamclear", from: p.program, mode: 0o755},
		{path: "usr/share/doc/roamclear/sbom.cdx.json", content: bom, mode: 0o644},
		{path: "etc/passwd", content: fmt.Appendf(nil, "root:x:0:0:root:/:/sbin/nologin\nroamclear:x:%d:%[1]d:roamclear:/var/lib/roamclear:/sbin/nologin\n", user), mode: 0o644},
		{path: "etc/group", content: fmt.Appendf(nil, "root:x:0:\nroamclear:x:%d:\n", user), mode: 0o644},
		{path: "tmp/", mode: 0o1777},
		{path: "var/lib/roamclear/", mode: 0o700, owner: user},
	}
	var added []mutate.Addendum
	for _, files := range [][]file{base, engine, program} {
		layer, err := layerOf(files, p.at)
		if err != nil {
			return nil, err
		}
		added = append(added, mutate.Addendum{Layer: layer, History: v1.History{Created: v1.Time{Time: p.at}, CreatedBy: "roamclear deploy/image"}})
	}
	image, err := mutate.Append(empty.Image, added...)
	if err != nil {
		return nil, err
	}
	had, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config := had.DeepCopy()
	config.OS, config.Architecture, config.Created = "linux", "amd64", v1.Time{Time: p.at}
	if err := json.Unmarshal(configJSON, &config.Config); err != nil {
		return nil, fmt.Errorf("config.json: %w", err)
	}
	config.Config.Labels["org.opencontainers.image.version"] = p.version
	config.Config.Labels["org.opencontainers.image.revision"] = p.revision
	config.Config.Labels["org.opencontainers.image.created"] = p.at.Format(time.RFC3339)
	return mutate.ConfigFile(image, config)
}
