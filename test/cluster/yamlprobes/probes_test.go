// Package yamlprobes holds the ground truth for Lockstep's YAML reader: what sigs.k8s.io/yaml, which kubectl and the API
// server's own clients use, makes of each input. `go test ./yamlprobes -update` writes it anew.
package yamlprobes

import (
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"testing"

	"sigs.k8s.io/yaml"
)

const folder = "../../vectors/yaml/"

var update = flag.Bool("update", false, "write expected.json instead of comparing with it")

// probe is one input with its JSON form, or with an error. It is ambiguous when the answer changes from call to call:
// keys that become the same text, such as 1 and "1", win or lose by the order in which Go walks a map.
type probe struct {
	Input     string `json:"input"`
	JSON      string `json:"json,omitempty"`
	Error     bool   `json:"error,omitempty"`
	Ambiguous bool   `json:"ambiguous,omitempty"`
}

const calls = 64

func ask(input string) probe {
	first := askOnce(input)
	for range calls {
		if askOnce(input) != first {
			return probe{Input: input, Ambiguous: true}
		}
	}
	return first
}

func askOnce(input string) probe {
	value, err := yaml.YAMLToJSON([]byte(input))
	if err != nil {
		return probe{Input: input, Error: true}
	}
	return probe{Input: input, JSON: string(value)}
}

func TestExpectedValuesAreThoseOfSigsYAML(t *testing.T) {
	text, err := os.ReadFile(folder + "inputs.json")
	if err != nil {
		t.Fatal(err)
	}
	var inputs []string
	if err := json.Unmarshal(text, &inputs); err != nil {
		t.Fatal(err)
	}
	probes := []probe{}
	for _, input := range inputs {
		probes = append(probes, ask(input))
	}
	if len(probes) < 120 {
		t.Fatalf("only %d probes, at least 120 are wanted", len(probes))
	}
	if *update {
		out, _ := json.MarshalIndent(probes, "", " ")
		if err := os.WriteFile(folder+"expected.json", append(out, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	expected, err := os.ReadFile(folder + "expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var known []probe
	if err := json.Unmarshal(expected, &known); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(known, probes) {
		t.Fatal("expected.json is out of date: run go test ./yamlprobes -update")
	}
}
