// Prints every call between two places of a folder of Go packages, as go/types resolves them: a line of JSON each. Packages are
// found as the go command finds them (GOPATH, GO111MODULE=off, or the standard library); tests are left out.
//
//	go run calls.go FOLDER
package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"
)

type call struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Kind string `json:"kind"`
	Name string `json:"name"`
	To   string `json:"to"`
	At   int    `json:"at"`
}

var (
	files = token.NewFileSet()
	out   = json.NewEncoder(os.Stdout)
	root  string
	// Debian's sources are reached through links.
	reals = map[string]string{}
)

func main() {
	root, _ = filepath.Abs(os.Args[1])
	if real, err := filepath.EvalSymlinks(root); err == nil {
		root = real
	}
	imports := importer.ForCompiler(files, "source", nil)
	filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return nil
		}
		if name := info.Name(); path != root && (name == "testdata" || name == "vendor" || strings.HasPrefix(name, ".")) {
			return filepath.SkipDir
		}
		look(path, imports)
		return nil
	})
}

func look(folder string, imports types.Importer) {
	pack, err := build.ImportDir(folder, 0)
	if err != nil {
		return
	}
	var parsed []*ast.File
	for _, name := range pack.GoFiles {
		file, err := parser.ParseFile(files, filepath.Join(folder, name), nil, 0)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			continue
		}
		parsed = append(parsed, file)
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{}}
	config := types.Config{Importer: imports, FakeImportC: true, Error: func(err error) { fmt.Fprintln(os.Stderr, err) }}
	config.Check(pack.ImportPath, files, parsed, info)
	for _, file := range parsed {
		ast.Inspect(file, func(node ast.Node) bool {
			if made, is := node.(*ast.CallExpr); is {
				resolve(made, info)
			}
			return true
		})
	}
}

func resolve(made *ast.CallExpr, info *types.Info) {
	callee := made.Fun
	for {
		switch inner := callee.(type) {
		case *ast.ParenExpr:
			callee = inner.X
			continue
		case *ast.IndexExpr:
			callee = inner.X
			continue
		case *ast.IndexListExpr:
			callee = inner.X
			continue
		}
		break
	}
	var name *ast.Ident
	kind := "function"
	switch inner := callee.(type) {
	case *ast.Ident:
		name = inner
	case *ast.SelectorExpr:
		name = inner.Sel
		if selection := info.Selections[inner]; selection != nil {
			kind = "method"
			if types.IsInterface(selection.Recv()) {
				kind = "interface method"
			} else if len(selection.Index()) > 1 {
				kind = "promoted method"
			}
		} else {
			kind = "function of a package"
		}
	default:
		return
	}
	target, is := info.Uses[name].(*types.Func)
	if !is {
		return
	}
	from, to := files.Position(made.Pos()), files.Position(target.Pos())
	here, inside := within(from.Filename)
	there, also := within(to.Filename)
	if inside && also {
		out.Encode(call{here, from.Line, kind, target.Name(), there, to.Line})
	}
}

func within(path string) (string, bool) {
	if real, known := reals[path]; known {
		path = real
	} else if real, err := filepath.EvalSymlinks(path); err == nil {
		reals[path] = real
		path = real
	}
	relative, err := filepath.Rel(root, path)
	return filepath.ToSlash(relative), err == nil && path != "" && !strings.HasPrefix(relative, "..")
}
