package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// top is where the repository stands. Beside it are only files that are laid there.
const top = "/repo"

// tree is the repository as a file system that can only be read. Nothing but it is there.
type tree struct {
	wire  *wire
	known map[string]node
	laid  map[string][]byte
}

func newTree(wire *wire) *tree {
	return &tree{wire: wire, known: map[string]node{}, laid: map[string][]byte{}}
}

var errReadOnly = errors.New("nothing can be written here")

// at is what stands at a path, asked for once.
func (tree *tree) at(path string) (node, error) {
	clean := filepath.Clean("/" + path)
	if data, found := tree.laid[clean]; found {
		return node{Kind: "file", Data: data}, nil
	}
	if tree.isLaidFolder(clean) {
		return node{Kind: "folder"}, nil
	}
	if found, known := tree.known[clean]; known {
		return found, nil
	}
	if clean != top && !strings.HasPrefix(clean, top+"/") {
		return node{Kind: "nothing"}, nil
	}
	asked, err := tree.wire.ask(strings.TrimPrefix(strings.TrimPrefix(clean, top), "/"))
	if err != nil {
		return node{}, err
	}
	tree.known[clean] = asked
	return asked, nil
}

func (tree *tree) isLaidFolder(path string) bool {
	for file := range tree.laid {
		if filepath.Dir(file) == path {
			return true
		}
	}
	return false
}

func (tree *tree) kind(path string) string {
	found, err := tree.at(path)
	if err != nil {
		return ""
	}
	return found.Kind
}

func (tree *tree) IsDir(path string) bool { return tree.kind(path) == "folder" }

func (tree *tree) Exists(path string) bool {
	kind := tree.kind(path)
	return kind != "" && kind != "nothing"
}

func (tree *tree) ReadFile(path string) ([]byte, error) {
	found, err := tree.at(path)
	if err != nil {
		return nil, err
	}
	switch found.Kind {
	case "file":
		return found.Data, nil
	case "folder":
		return nil, fmt.Errorf("%s is a folder", path)
	case "link":
		return nil, fmt.Errorf("%s is a symbolic link; links are not followed", path)
	}
	return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
}

func (tree *tree) ReadDir(path string) ([]string, error) {
	found, err := tree.at(path)
	if err != nil {
		return nil, err
	}
	if found.Kind != "folder" {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	names := make([]string, 0, len(found.Names))
	for _, entry := range found.Names {
		names = append(names, entry.Name)
	}
	return names, nil
}

func (tree *tree) CleanedAbs(path string) (filesys.ConfirmedDir, string, error) {
	clean := filepath.Clean("/" + path)
	found, err := tree.at(clean)
	if err != nil {
		return "", "", err
	}
	switch found.Kind {
	case "folder":
		return filesys.ConfirmedDir(clean), "", nil
	case "file":
		return filesys.ConfirmedDir(filepath.Dir(clean)), filepath.Base(clean), nil
	case "link":
		return "", "", fmt.Errorf("%s is a symbolic link; links are not followed", path)
	}
	return "", "", fmt.Errorf("%s is not in the repository", strings.TrimPrefix(clean, top))
}

func (tree *tree) Walk(path string, visit filepath.WalkFunc) error {
	found, err := tree.at(path)
	if err != nil {
		return visit(path, nil, err)
	}
	info := info{name: filepath.Base(path), kind: found.Kind, size: int64(len(found.Data))}
	err = visit(path, info, nil)
	if errors.Is(err, filepath.SkipDir) && info.IsDir() {
		return nil
	}
	if err != nil || found.Kind != "folder" {
		return err
	}
	for _, entry := range found.Names {
		err := tree.Walk(filepath.Join(path, entry.Name), visit)
		if errors.Is(err, filepath.SkipDir) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Glob is asked for by nothing that is turned on here.
func (tree *tree) Glob(string) ([]string, error)       { return nil, nil }
func (tree *tree) Create(string) (filesys.File, error) { return nil, errReadOnly }
func (tree *tree) Mkdir(string) error                  { return errReadOnly }
func (tree *tree) MkdirAll(string) error               { return errReadOnly }
func (tree *tree) RemoveAll(string) error              { return errReadOnly }
func (tree *tree) WriteFile(string, []byte) error      { return errReadOnly }
func (tree *tree) Open(string) (filesys.File, error)   { return nil, errReadOnly }

// lay puts a file over the repository.
func (tree *tree) lay(path string, data []byte) { tree.laid[filepath.Clean("/"+path)] = data }

type info struct {
	name string
	kind string
	size int64
}

func (info info) Name() string       { return info.name }
func (info info) Size() int64        { return info.size }
func (info info) ModTime() time.Time { return time.Time{} }
func (info info) IsDir() bool        { return info.kind == "folder" }
func (info info) Sys() any           { return nil }
func (info info) Mode() os.FileMode {
	switch info.kind {
	case "folder":
		return os.ModeDir | 0o755
	case "link":
		return os.ModeSymlink | 0o777
	}
	return 0o644
}
