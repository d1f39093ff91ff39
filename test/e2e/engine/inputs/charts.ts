/** A chart, and how it is rendered. */
export interface ChartInput {
  readonly files: Readonly<Record<string, string>>;
  /** Files of values in the repository. */
  readonly valuesFiles?: readonly string[];
  /** Values in YAML. */
  readonly values?: string;
}

const about = (more = ''): string => `apiVersion: v2\nname: app\nversion: 1.2.3\nappVersion: "4.5"\n${more}`;
const chart = (files: Record<string, string>, more: Omit<ChartInput, 'files'> = {}, meta = ''): ChartInput => ({
  files: {
    'app/Chart.yaml': about(meta),
    ...Object.fromEntries(Object.entries(files).map(([name, text]) => [`app/${name}`, text])),
  },
  ...more,
});
const map = (name: string, ...lines: string[]): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n${lines.map((line) => `  ${line}\n`).join('')}`;
const lib = {
  'charts/lib/Chart.yaml': 'apiVersion: v2\nname: lib\nversion: 0.1.0\ntype: library\n',
  'charts/lib/templates/_name.tpl': '{{- define "lib.name" -}}{{ .Release.Name }}-{{ .Chart.Name }}{{- end -}}\n',
};
const child = (values = 'color: blue\n'): Record<string, string> => ({
  'charts/child/Chart.yaml': 'apiVersion: v2\nname: child\nversion: 0.2.0\n',
  'charts/child/values.yaml': values,
  'charts/child/templates/c.yaml': map(
    '{{ .Release.Name }}-child',
    'color: {{ .Values.color | quote }}',
    'g: {{ .Values.global.g | default "none" | quote }}',
  ),
});

/** Varied on purpose. */
export const charts: Readonly<Record<string, ChartInput>> = {
  'values of its own, of files, and given': chart(
    {
      'values.yaml': 'a: 1\nb: {c: 2, d: 3}\nl: [1, 2]\n',
      'prod.yaml': 'b: {c: 20}\nl: [3]\n',
      'templates/m.yaml': map('m', 'all: {{ toJson .Values | quote }}'),
    },
    { valuesFiles: ['app/prod.yaml'], values: 'a: 100\nb: {d: null}\n' },
  ),
  'what a release is': chart({
    'templates/m.yaml': map(
      'm',
      'r: {{ toJson .Release | quote }}',
      'c: {{ .Chart.Version }}-{{ .Chart.AppVersion }}',
      't: {{ .Template.Name | quote }}',
    ),
  }),
  'what a cluster is': chart({
    'templates/m.yaml': map(
      'm',
      'v: {{ .Capabilities.KubeVersion.Version }}',
      'minor: {{ .Capabilities.KubeVersion.Minor | quote }}',
      'has: {{ .Capabilities.APIVersions.Has "apps/v1/Deployment" | quote }}',
      'not: {{ .Capabilities.APIVersions.Has "example.com/v1" | quote }}',
    ),
  }),
  'named templates, tpl and include': chart({
    'values.yaml': 'text: "{{ .Release.Name }}!"\n',
    'templates/_h.tpl': '{{- define "app.labels" }}\napp: {{ .Chart.Name }}\n{{- end }}',
    'templates/m.yaml': `${map('m', 't: {{ tpl .Values.text . | quote }}')}`.replace(
      '  name: m\n',
      '  name: m\n  labels: {{- include "app.labels" . | nindent 4 }}\n',
    ),
  }),
  'loops, ranges and several documents': chart({
    'values.yaml': 'names: [a, b, c]\n',
    'templates/m.yaml': `{{- range $i, $n := .Values.names }}\n---\n${map('{{ $n }}', 'i: {{ $i | quote }}')}{{- end }}\n`,
  }),
  'files of the chart': chart({
    'conf/a.txt': 'one\ntwo\n',
    'conf/b.bin': '\u0000\u0001',
    'templates/m.yaml': map(
      'm',
      'a: {{ .Files.Get "conf/a.txt" | quote }}',
      'b: {{ .Files.Get "conf/b.bin" | b64enc }}',
      'none: {{ .Files.Get "../secret" | quote }}',
      'all: {{ range $p, $_ := .Files.Glob "**.txt" }}{{ $p }} {{ end }}',
    ),
  }),
  'a chart below it, with its values and those of all': chart(
    { ...child(), 'templates/m.yaml': map('m', 'x: "1"') },
    { values: 'child: {color: red}\nglobal: {g: all}\n' },
    'dependencies: [{name: child, version: 0.2.0}]\n',
  ),
  'a chart below it that is left out by a condition': chart(
    { ...child(), 'values.yaml': 'child: {enabled: false}\n', 'templates/m.yaml': map('m', 'x: "1"') },
    {},
    'dependencies: [{name: child, version: 0.2.0, condition: child.enabled}]\n',
  ),
  'charts below it by tags and aliases': chart(
    { ...child(), 'templates/m.yaml': map('m', 'x: "1"') },
    { values: 'other: {color: green}\n' },
    'dependencies:\n  - {name: child, version: 0.2.0, tags: [x]}\n  - {name: child, version: 0.2.0, alias: other}\ntags: {x: true}\n'.replace(
      'tags: {x: true}\n',
      '',
    ),
  ),
  'values that come up from below': chart(
    {
      ...child('exports: {data: {up: "1"}}\ncolor: blue\n'),
      'templates/m.yaml': map('m', 'up: {{ .Values.up | quote }}'),
    },
    {},
    'dependencies: [{name: child, version: 0.2.0, import-values: [data]}]\n',
  ),
  'a library': chart(
    { ...lib, 'templates/m.yaml': map('{{ include "lib.name" . }}', 'x: "1"') },
    {},
    'dependencies: [{name: lib, version: 0.1.0}]\n',
  ),
  hooks: chart({
    'templates/m.yaml': map('m', 'x: "1"'),
    'templates/job.yaml':
      'apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: migrate\n  annotations: {helm.sh/hook: pre-upgrade, helm.sh/hook-weight: "-5", helm.sh/hook-delete-policy: before-hook-creation}\nspec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}\n',
  }),
  'definitions of kinds': chart({
    'crds/w.yaml':
      'apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.example.com}\nspec: {group: example.com, scope: Namespaced, names: {plural: widgets, kind: Widget}, versions: []}\n',
    'templates/w.yaml': 'apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\n',
  }),
  'notes, partials and empty files': chart({
    'templates/NOTES.txt': 'hello {{ .Release.Name }}',
    'templates/_x.yaml': 'not: here',
    'templates/empty.yaml': '{{ if false }}x{{ end }}',
    'templates/comment.yaml': '# nothing\n',
    'templates/m.yaml': map('m', 'x: "1"'),
  }),
  'a schema that the values keep to': chart({
    'values.yaml': 'port: 80\n',
    'values.schema.json': '{"type":"object","properties":{"port":{"type":"integer","minimum":1}}}',
    'templates/m.yaml': map('m', 'p: {{ .Values.port | quote }}'),
  }),
  'the lookup of what is not there': chart({
    'templates/m.yaml': map(
      'm',
      'l: {{ (lookup "v1" "Secret" "x" "y") | toJson | quote }}',
      'd: {{ getHostByName "example.com" | quote }}',
    ),
  }),
  'numbers and dates': chart({
    'values.yaml': 'big: 12345678\nfloat: 1.50\noctal: 0777\nday: 2024-01-02\nyes: on\n',
    'templates/m.yaml': map('m', 'all: {{ toYaml .Values | quote }}', 'big: {{ .Values.big | quote }}'),
  }),
  'what .helmignore leaves out': chart({
    '.helmignore': '*.bak.yaml\ntemplates/skip/\n',
    'templates/a.bak.yaml': 'x: {{ fail "never" }}',
    'templates/skip/b.yaml': 'x',
    'templates/m.yaml': map('m', 'x: "1"'),
  }),
  'a version of Kubernetes that fits': chart(
    { 'templates/m.yaml': map('m', 'x: "1"') },
    {},
    'kubeVersion: ">=1.30.0-0"\n',
  ),
};
