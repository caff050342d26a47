// Package web holds the patient's page as its build wrote it: dist/site, which is
// not committed. Without it the agent serves dist/unbuilt.html, which says how to build.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Built is the folder of the built page, with index.html at its root; empty in a
// program that was made before the page.
func Built() fs.FS {
	site, err := fs.Sub(dist, "dist/site")
	if err != nil {
		panic(err) // the name is valid
	}
	return site
}

// Unbuilt is the page for a program that holds no built one.
func Unbuilt() []byte {
	b, err := dist.ReadFile("dist/unbuilt.html")
	if err != nil {
		panic(err) // it is committed
	}
	return b
}
