package main

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	commonutil "helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	"helm.sh/helm/v4/pkg/ignore"
)

type helmRequest struct {
	// The folder of the chart, or the archive.
	Chart string `json:"chart"`
	// What the release is called, and where it goes.
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	// Values, each over the ones before.
	Values []values `json:"values"`
	// What the cluster is.
	KubeVersion string   `json:"kubeVersion"`
	APIVersions []string `json:"apiVersions"`
	// Whether definitions of kinds in the folder crds are left out.
	SkipCRDs bool `json:"skipCRDs"`
	// Whether values are taken whatever the chart says of their form.
	SkipSchema bool `json:"skipSchema"`
}

type values struct {
	// Where they are from: a path in the repository when there is no text.
	Name string  `json:"name"`
	Text *string `json:"text"`
}

func renderHelm(asked *helmRequest, tree *tree) ([]document, error) {
	loaded, err := loadChart(asked.Chart, tree)
	if err != nil {
		return nil, err
	}
	if loaded.Metadata.Type != "" && loaded.Metadata.Type != "application" {
		return nil, fmt.Errorf("the chart %s is of type %s, which is only there for other charts", loaded.Name(), loaded.Metadata.Type)
	}
	if missing := missingDependencies(loaded); len(missing) > 0 {
		return nil, fmt.Errorf("the chart %s needs %s, and charts/ does not hold it", loaded.Name(), strings.Join(missing, ", "))
	}
	if err := checkSchemas(loaded); err != nil {
		return nil, err
	}
	given, err := mergeValues(asked.Values, tree)
	if err != nil {
		return nil, err
	}
	if err := chartutil.ProcessDependencies(loaded, given); err != nil {
		return nil, err
	}
	return renderChart(loaded, given, asked)
}

func renderChart(loaded *chart.Chart, given map[string]any, asked *helmRequest) ([]document, error) {
	capabilities, err := capabilitiesOf(asked)
	if err != nil {
		return nil, err
	}
	wanted := loaded.Metadata.KubeVersion
	if wanted != "" && !chartutil.IsCompatibleRange(wanted, capabilities.KubeVersion.String()) {
		return nil, fmt.Errorf("the chart %s is for Kubernetes %s, and the cluster is %s", loaded.Name(), wanted, capabilities.KubeVersion.Version)
	}
	release := common.ReleaseOptions{Name: asked.Name, Namespace: asked.Namespace, Revision: 1, IsInstall: true}
	top, err := commonutil.ToRenderValuesWithSchemaValidation(loaded, given, release, capabilities, asked.SkipSchema)
	if err != nil {
		return nil, err
	}
	rendered, err := engine.Engine{}.Render(loaded, top)
	if err != nil {
		return nil, err
	}
	documents := crdsOf(loaded, asked.SkipCRDs)
	for _, name := range sortedNames(rendered) {
		text := rendered[name]
		isPartial := strings.HasPrefix(path.Base(name), "_")
		if isPartial || path.Base(name) == "NOTES.txt" || strings.TrimSpace(text) == "" {
			continue
		}
		documents = append(documents, document{File: name, Text: text})
	}
	return documents, nil
}

func crdsOf(loaded *chart.Chart, isSkipped bool) []document {
	documents := []document{}
	if isSkipped {
		return documents
	}
	for _, crd := range loaded.CRDObjects() {
		documents = append(documents, document{File: crd.Filename, Text: string(crd.File.Data)})
	}
	return documents
}

func sortedNames(texts map[string]string) []string {
	names := make([]string, 0, len(texts))
	for name := range texts {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// loadChart reads a chart as Helm does from a folder: without what .helmignore names.
func loadChart(folder string, tree *tree) (*chart.Chart, error) {
	root := filepath.Join(top, folder)
	if tree.kind(root) == "file" {
		data, err := tree.ReadFile(root)
		if err != nil {
			return nil, err
		}
		return loader.LoadArchive(bytes.NewReader(data))
	}
	rules := ignore.Empty()
	if text, err := tree.ReadFile(filepath.Join(root, ignore.HelmIgnore)); err == nil {
		parsed, err := ignore.Parse(bytes.NewReader(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(folder, ignore.HelmIgnore), err)
		}
		rules = parsed
	}
	rules.AddDefaults()
	files := []*archive.BufferedFile{}
	err := tree.Walk(root, func(name string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		within := strings.TrimPrefix(strings.TrimPrefix(name, root), "/")
		if within == "" {
			return nil
		}
		if rules.Ignore(within, info) {
			if info.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if info.IsDir() {
			return nil
		}
		data, err := tree.ReadFile(name)
		if err != nil {
			return err
		}
		files = append(files, &archive.BufferedFile{Name: within, Data: bytes.TrimPrefix(data, []byte("\ufeff"))})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return loader.LoadFiles(files)
}

func missingDependencies(loaded *chart.Chart) []string {
	have := map[string]bool{}
	for _, dependency := range loaded.Dependencies() {
		have[dependency.Name()] = true
	}
	missing := []string{}
	for _, wanted := range loaded.Metadata.Dependencies {
		if !have[wanted.Name] {
			missing = append(missing, wanted.Name)
		}
	}
	return missing
}

func mergeValues(all []values, tree *tree) (map[string]any, error) {
	merged := map[string]any{}
	for _, one := range all {
		text := []byte{}
		if one.Text != nil {
			text = []byte(*one.Text)
		} else {
			read, err := tree.ReadFile(filepath.Join(top, one.Name))
			if err != nil {
				return nil, fmt.Errorf("the values %s: %w", one.Name, err)
			}
			text = read
		}
		parsed, err := loader.LoadValues(bytes.NewReader(text))
		if err != nil {
			// The text itself may be anybody's secret: only where it is wrong is told.
			return nil, fmt.Errorf("the values %s are no map in YAML", one.Name)
		}
		merged = loader.MergeMaps(merged, parsed)
	}
	return merged, nil
}

func capabilitiesOf(asked *helmRequest) (*common.Capabilities, error) {
	capabilities := common.DefaultCapabilities.Copy()
	if asked.KubeVersion != "" {
		version, err := common.ParseKubeVersion(asked.KubeVersion)
		if err != nil {
			return nil, err
		}
		capabilities.KubeVersion = *version
	}
	if len(asked.APIVersions) > 0 {
		capabilities.APIVersions = append(common.VersionSet{}, asked.APIVersions...)
	}
	return capabilities, nil
}
