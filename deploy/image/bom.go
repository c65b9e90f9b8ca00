package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// bom lists what the image is made of (CycloneDX): the program and the modules that its
// build info names, the engine, the system's packages.
func (p *parts) bom() ([]byte, error) {
	program := component("roamclear", p.version, "pkg:golang/github.com/roamclear/roamclear@"+p.revision)
	program.Type = cdx.ComponentTypeApplication
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{Timestamp: p.at.Format(time.RFC3339), Component: &program}
	modules, err := p.modules()
	if err != nil {
		return nil, err
	}
	packages, err := p.packages()
	if err != nil {
		return nil, err
	}
	engine, err := p.engineComponent()
	if err != nil {
		return nil, err
	}
	all := append(append(modules, packages...), engine)
	bom.Components = &all
	var out bytes.Buffer
	err = cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetPretty(true).Encode(bom)
	return out.Bytes(), err
}

func component(name, version, purl string) cdx.Component {
	return cdx.Component{BOMRef: purl, Type: cdx.ComponentTypeLibrary, Name: name, Version: version, PackageURL: purl}
}

func (p *parts) modules() ([]cdx.Component, error) {
	info, err := buildinfo.ReadFile(p.program)
	if err != nil {
		return nil, err
	}
	std := strings.TrimPrefix(info.GoVersion, "go")
	list := []cdx.Component{component("std", std, "pkg:golang/std@"+std)}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		list = append(list, component(m.Path, m.Version, "pkg:golang/"+m.Path+"@"+m.Version))
	}
	return list, nil
}

// packages are those whose control files stand where scanners of images look for them.
func (p *parts) packages() ([]cdx.Component, error) {
	files, err := filepath.Glob(filepath.Join(p.base, "var/lib/dpkg/status.d/*"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no packages in %s: %w", p.base, err)
	}
	var list []cdx.Component
	for _, file := range files {
		control, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		fields := map[string]string{}
		for line := range strings.Lines(string(control)) {
			if key, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
				fields[key] = value
			}
		}
		name, version := fields["Package"], fields["Version"]
		list = append(list, component(name, version, fmt.Sprintf("pkg:deb/debian/%s@%s?arch=%s", name, strings.ReplaceAll(version, "+", "%2B"), fields["Architecture"])))
	}
	return list, nil
}

func (p *parts) engineComponent() (cdx.Component, error) {
	version := filepath.Base(filepath.Dir(p.engine))
	c := component("@chdb/lib-linux-x64-gnu", version, "pkg:npm/%40chdb/lib-linux-x64-gnu@"+version)
	in, err := os.Open(p.engine)
	if err != nil {
		return c, err
	}
	defer in.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, in); err != nil {
		return c, err
	}
	c.Description = "libchdb.so of the package"
	c.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(sum.Sum(nil))}}
	return c, nil
}
