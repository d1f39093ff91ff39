package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
)

// A request: one of them.
type request struct {
	Kustomize *kustomizeRequest `json:"kustomize"`
	Helm      *helmRequest      `json:"helm"`
	Index     *indexRequest     `json:"index"`
}

// A document is what one file came to: texts of manifests.
type document struct {
	File string `json:"file"`
	Text string `json:"text"`
}

// What is known of a path of the repository.
type node struct {
	// file, folder, link, or nothing.
	Kind string `json:"kind"`
	// The content of a file, in base64 on the wire.
	Data []byte `json:"data"`
	// The entries of a folder.
	Names []entry `json:"names"`
	// Why it can not be read.
	Problem string `json:"problem"`
}

type entry struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
}

type wire struct {
	in  *bufio.Reader
	out *json.Encoder
}

func newWire(in io.Reader, out io.Writer) *wire {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	return &wire{in: bufio.NewReaderSize(in, 1<<16), out: encoder}
}

func (wire *wire) next() (*request, error) {
	var asked request
	return &asked, wire.read(&asked)
}

// ask asks the agent for what stands at a path.
func (wire *wire) ask(path string) (node, error) {
	if err := wire.out.Encode(map[string]string{"ask": path}); err != nil {
		return node{}, err
	}
	var answer node
	if err := wire.read(&answer); err != nil {
		return node{}, err
	}
	if answer.Problem != "" {
		return node{}, errors.New(answer.Problem)
	}
	return answer, nil
}

func (wire *wire) answer(documents []document, failure error) error {
	if failure != nil {
		return wire.out.Encode(map[string]string{"error": failure.Error()})
	}
	if documents == nil {
		documents = []document{}
	}
	return wire.out.Encode(map[string]any{"documents": documents})
}

func (wire *wire) read(into any) error {
	line, err := wire.in.ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(line, into)
}
