package main

import (
	"errors"
	"path/filepath"
	"regexp"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/openapi"
)

type kustomizeRequest struct {
	// The folder of the kustomization.
	Path string `json:"path"`
	// A kustomization that is laid over it, as YAML. It stands beside the repository, which it finds at ../repo.
	Overlay string `json:"overlay"`
}

func renderKustomize(asked *kustomizeRequest, tree *tree) ([]document, error) {
	// Schemas of one build are none of the next one's business.
	openapi.ResetOpenAPI()
	defer openapi.ResetOpenAPI()
	target := filepath.Join(top, asked.Path)
	if asked.Overlay != "" {
		const above = "/overlay"
		tree.lay(above+"/"+konfig.DefaultKustomizationFileName(), []byte(asked.Overlay))
		target = above
	}
	options := krusty.MakeDefaultOptions()
	// The repository is the bound, not the folder: bases and files may be anywhere in it.
	options.LoadRestrictions = types.LoadRestrictionsNone
	options.Reorder = krusty.ReorderOptionUnspecified
	built, err := krusty.MakeKustomizer(options).Run(tree, target)
	if err != nil {
		return nil, readable(err)
	}
	text, err := built.AsYaml()
	if err != nil {
		return nil, err
	}
	return []document{{File: strings.TrimPrefix(filepath.Join(asked.Path, fileOf(tree, asked.Path)), "/"), Text: string(text)}}, nil
}

func fileOf(tree *tree, path string) string {
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		if tree.Exists(filepath.Join(top, path, name)) {
			return name
		}
	}
	return konfig.DefaultKustomizationFileName()
}

// patchFile is a line of what kustomize quotes of the settings of a patch. One that stands among them is indented.
var patchFile = regexp.MustCompile(`(?m)^path: (.+)$`)

// plainPath is nothing that could be the text of a patch.
var plainPath = regexp.MustCompile(`^open [\w./@-]+: [\w ]+$`)

// withoutSettings takes out what kustomize quotes of settings, which may hold anybody's secret, and backticks of their own.
func withoutSettings(text string) string {
	before, rest, found := strings.Cut(text, "with config: `")
	if !found {
		return text
	}
	settings, cause := rest, ""
	if end := strings.LastIndex(rest, "`: "); end >= 0 {
		settings, cause = rest[:end], rest[end+len("`: "):]
	}
	// A patch that is none is looked for as a file of that name.
	if strings.Contains(before, "PatchStrategicMergeTransformer") && strings.HasPrefix(cause, "open ") && !plainPath.MatchString(cause) {
		cause = "a patch is no object in YAML, and no file either"
	}
	where := ""
	if found := patchFile.FindStringSubmatch(settings); found != nil {
		where = found[1] + ": "
	}
	return strings.TrimSpace(before) + ": " + where + cause
}

// withoutContent takes out what is quoted of a patch or of a node: it stands at the end.
func withoutContent(text string) string {
	for _, content := range []string{"node contents:", "JSON patch from [", "decoding ", "[patch: "} {
		if before, _, found := strings.Cut(text, content); found {
			text = before + content + " …"
		}
	}
	return text
}

// readable says what the libraries only hint at.
func readable(err error) error {
	text := withoutSettings(withoutContent(err.Error()))
	if strings.Contains(text, "no 'git' program on path") || strings.Contains(text, "remote files and bases are off") {
		return errors.New("remote bases and files are off; keep a copy in the repository: " + text)
	}
	// Literals and lines of environments may be anybody's secret: what is wrong with one is told without it.
	for _, sources := range []string{"literal sources", "env source"} {
		if before, _, found := strings.Cut(text, sources); found {
			return errors.New(before + sources + ": one of them is no key=value")
		}
	}
	if strings.Contains(text, "plugin") && strings.Contains(text, "external plugins disabled") {
		return errors.New("plug-ins that run programs are off: " + text)
	}
	return errors.New(text)
}
