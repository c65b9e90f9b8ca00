package main

import (
	"archive/tar"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// file is one of a layer: a directory (its path ends with a slash), a link, or a file, whose
// content is given or stands in another one.
type file struct {
	path    string
	mode    int64
	owner   int
	from    string
	content []byte
	link    string
}

// tree is what stands below a directory, all of it root's.
func tree(dir string) ([]file, error) {
	var files []file
	err := filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
		if err != nil || at == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, at)
		if err != nil {
			return err
		}
		f := file{path: filepath.ToSlash(rel), mode: int64(info.Mode().Perm())}
		switch {
		case d.IsDir():
			f.path += "/"
		case d.Type() == fs.ModeSymlink:
			f.link, err = os.Readlink(at)
		default:
			f.from = at
		}
		files = append(files, f)
		return err
	})
	return files, err
}

// layerOf makes a layer of files, with the directories they stand in.
func layerOf(files []file, at time.Time) (v1.Layer, error) {
	have := map[string]bool{}
	for _, f := range files {
		have[f.path] = true
	}
	for _, f := range files {
		for dir := path.Dir(strings.TrimSuffix(f.path, "/")); dir != "."; dir = path.Dir(dir) {
			if !have[dir+"/"] {
				have[dir+"/"] = true
				files = append(files, file{path: dir + "/", mode: 0o755})
			}
		}
	}
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.path, b.path) })
	opener := func() (io.ReadCloser, error) {
		r, w := io.Pipe()
		go func() { w.CloseWithError(archive(w, files, at)) }()
		return r, nil
	}
	return tarball.LayerFromOpener(opener, tarball.WithCompressedCaching)
}

func archive(w io.Writer, files []file, at time.Time) error {
	out := tar.NewWriter(w)
	for _, f := range files {
		if err := add(out, f, at); err != nil {
			return err
		}
	}
	return out.Close()
}

func add(out *tar.Writer, f file, at time.Time) error {
	h := &tar.Header{Name: f.path, Mode: f.mode, Uid: f.owner, Gid: f.owner, ModTime: at, Typeflag: tar.TypeReg, Size: int64(len(f.content)), Format: tar.FormatPAX}
	switch {
	case strings.HasSuffix(f.path, "/"):
		h.Typeflag = tar.TypeDir
	case f.link != "":
		h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, f.link, 0o777
	case f.from != "":
		return copyFrom(out, h, f.from)
	}
	if err := out.WriteHeader(h); err != nil {
		return err
	}
	_, err := out.Write(f.content)
	return err
}

func copyFrom(out *tar.Writer, h *tar.Header, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	h.Size = info.Size()
	if err := out.WriteHeader(h); err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return err
}
