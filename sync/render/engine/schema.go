package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	chart "helm.sh/helm/v4/pkg/chart/v2"
)

// known are the schemas of schemas that the library holds itself. Everything else that a schema refers to by a URL it would
// fetch, over a network of its own, or from the files of the machine.
var known = regexp.MustCompile(`^https?://json-schema\.org/(draft-0[4-7]|draft/20(19-09|20-12))/schema#?$`)

// checkSchemas refuses schemas of values that refer to anything beyond themselves, in a chart and all charts below it.
func checkSchemas(loaded *chart.Chart) error {
	if len(loaded.Schema) > 0 {
		var schema any
		if err := json.Unmarshal(loaded.Schema, &schema); err != nil {
			return fmt.Errorf("the values.schema.json of the chart %s is no JSON", loaded.Name())
		}
		if found := foreign(schema); found != "" {
			return fmt.Errorf("the values.schema.json of the chart %s refers to %q, which is not read: schemas may refer to themselves only", loaded.Name(), found)
		}
	}
	for _, dependency := range loaded.Dependencies() {
		if err := checkSchemas(dependency); err != nil {
			return err
		}
	}
	return nil
}

// foreign is the first reference that leads out of a schema. An identifier gives references another base: it is one too.
func foreign(schema any) string {
	switch value := schema.(type) {
	case []any:
		for _, item := range value {
			if found := foreign(item); found != "" {
				return found
			}
		}
	case map[string]any:
		for name, inner := range value {
			text, isText := inner.(string)
			isReference := name == "$ref" || name == "$dynamicRef" || name == "$recursiveRef" || name == "$schema"
			if isText && isReference && !strings.HasPrefix(text, "#") && !known.MatchString(text) {
				return text
			}
			if found := foreign(inner); found != "" {
				return found
			}
		}
	}
	return ""
}
