package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"

	"sigs.k8s.io/yaml"
)

type indexRequest struct {
	// The chart whose versions are wanted.
	Chart string `json:"chart"`
}

// A version of a chart, as the index of a repository lists it.
type chartVersion struct {
	Version string   `json:"version"`
	URLs    []string `json:"urls"`
	Digest  string   `json:"digest"`
}

type index struct {
	Entries map[string][]chartVersion `json:"entries"`
}

// versionsOf reads index.yaml, and answers the versions of one chart as JSON.
func versionsOf(asked *indexRequest, tree *tree) ([]document, error) {
	text, err := tree.ReadFile(filepath.Join(top, "index.yaml"))
	if err != nil {
		return nil, err
	}
	found, err := readIndex(text, asked.Chart)
	if err != nil {
		// What it holds instead may be anybody's.
		return nil, errors.New("index.yaml is no index of charts")
	}
	versions := found.Entries[asked.Chart]
	if versions == nil {
		versions = []chartVersion{}
	}
	answer, err := json.Marshal(versions)
	if err != nil {
		return nil, err
	}
	return []document{{File: "index.yaml", Text: string(answer)}}, nil
}

func readIndex(text []byte, chart string) (index, error) {
	var found index
	if json.Unmarshal(text, &found) == nil {
		return found, nil
	}
	// An index of 20 MB takes half a gigabyte when it is read whole.
	if part, isPart := entryOf(text, chart); isPart && yaml.Unmarshal(part, &found) == nil {
		return found, nil
	}
	found = index{}
	return found, yaml.Unmarshal(text, &found)
}

// entryOf cuts the lines of one chart out of an index in the usual form, in which each chart is a key on a line of its own.
// It answers false for an index in another form.
func entryOf(text []byte, chart string) ([]byte, bool) {
	part := []byte("entries:\n")
	isInEntries, isWanted, depth := false, false, 0
	for line := range bytes.Lines(text) {
		trimmed := bytes.TrimLeft(line, " ")
		indent := len(line) - len(trimmed)
		word := bytes.TrimRight(trimmed, "\r\n ")
		if len(word) == 0 || word[0] == '#' {
			continue
		}
		if indent == 0 && word[0] != '-' {
			isInEntries = bytes.Equal(word, []byte("entries:"))
			isWanted = false
			continue
		}
		if !isInEntries {
			continue
		}
		if depth == 0 {
			depth = indent
		}
		if indent < depth || (indent == 0 && word[0] == '-') {
			return nil, false
		}
		if indent == depth && word[0] != '-' {
			key, isPlain := bytes.CutSuffix(word, []byte(":"))
			if !isPlain {
				return nil, false
			}
			isWanted = string(bytes.Trim(key, `"'`)) == chart
		}
		if isWanted {
			part = append(part, line...)
		}
	}
	return part, depth > 0
}
