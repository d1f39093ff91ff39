/** A repository, and the folder in it that is rendered. */
export interface Input {
  readonly path: string;
  readonly files: Readonly<Record<string, string>>;
}

const web = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: nginx:1.25
          args: ["--port=8080", "0777", "1e3"]
          env: [{name: A, value: "1"}, {name: B, valueFrom: {configMapKeyRef: {name: settings, key: b}}}]
          ports: [{containerPort: 8080}]
          volumeMounts: [{name: s, mountPath: /s}]
      volumes: [{name: s, secret: {secretName: keys}}]
`;
const service = `apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
`;
const settings = `apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {b: "yes", n: "0123", long: "12345678901234567890"}
`;
const account = 'apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: robot}\n';
const base = {
  'base/kustomization.yaml': 'resources: [web.yaml, service.yaml]\n',
  'base/web.yaml': web,
  'base/service.yaml': service,
};
const over = (text: string, more: Record<string, string> = {}): Input => ({
  path: 'over',
  files: { ...base, 'over/kustomization.yaml': text, ...more },
});

/** Varied on purpose: what people write, and what breaks naive renderers. */
export const kustomizations: Readonly<Record<string, Input>> = {
  'resources alone': { path: 'base', files: base },
  'a prefix and a suffix': over('resources: [../base]\nnamePrefix: a-\nnameSuffix: -z\n'),
  'a namespace': over('resources: [../base, account.yaml, role.yaml]\nnamespace: shop\n', {
    'over/account.yaml': account,
    'over/role.yaml':
      'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: b}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}\nsubjects: [{kind: ServiceAccount, name: robot}]\n',
  }),
  'labels with and without selectors': over(
    'resources: [../base]\nlabels:\n  - {pairs: {team: x}, includeSelectors: true}\n  - {pairs: {tier: front}, includeTemplates: true}\n  - {pairs: {only: z}}\n',
  ),
  'common labels and annotations': over(
    'resources: [../base]\ncommonLabels: {team: x}\ncommonAnnotations: {note: "on: off"}\n',
  ),
  'images by name, tag and digest': over(
    `resources: [../base]\nimages:\n  - {name: nginx, newName: registry.example.com/nginx, digest: "sha256:${'a'.repeat(64)}"}\n`,
  ),
  replicas: over('resources: [../base]\nreplicas: [{name: web, count: 5}]\n'),
  'a strategic patch in a file': over('resources: [../base]\npatches: [{path: patch.yaml}]\n', {
    'over/patch.yaml':
      'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {spec: {containers: [{name: web, env: [{name: C, value: "3"}, {name: A, $patch: delete}]}]}}}\n',
  }),
  'a JSON patch with a target': over(
    'resources: [../base]\npatches:\n  - target: {kind: Deployment, name: "w.*"}\n    patch: |-\n      - {op: replace, path: /spec/replicas, value: 7}\n      - {op: add, path: /metadata/annotations, value: {a~1b: "c"}}\n',
  ),
  'a patch that deletes an object': over(
    'resources: [../base]\npatches:\n  - patch: "{apiVersion: v1, kind: Service, metadata: {name: web}, $patch: delete}"\n',
  ),
  'old kinds of patches': over(
    'resources: [../base]\npatchesStrategicMerge: [p.yaml]\npatchesJson6902:\n  - target: {version: v1, kind: Service, name: web}\n    path: j.yaml\n',
    {
      'over/p.yaml': 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {paused: true}\n',
      'over/j.yaml': '- {op: replace, path: /spec/ports/0/port, value: 81}\n',
    },
  ),
  'a generated ConfigMap, by its hash in those who use it': over(
    'resources: [../base]\nconfigMapGenerator:\n  - name: settings\n    literals: [b=yes, c=0777]\n    files: [app.conf, renamed=../files/other.conf]\n    envs: [values.env]\n',
    { 'over/app.conf': 'a = $b\n', 'files/other.conf': 'x\n', 'over/values.env': '# c\nE=1\nF=a=b\n' },
  ),
  'a generated Secret with a type': over(
    'resources: [../base]\nsecretGenerator:\n  - {name: keys, type: Opaque, literals: [password=hunter2], options: {labels: {a: b}}}\n',
  ),
  'generators without a hash': over(
    'resources: [../base]\ngeneratorOptions: {disableNameSuffixHash: true, labels: {g: "1"}, immutable: true}\nconfigMapGenerator: [{name: settings, literals: [a=b]}]\n',
  ),
  'a generator that merges and one that replaces': {
    path: 'over',
    files: {
      'base/kustomization.yaml':
        'configMapGenerator:\n  - {name: one, literals: [a=1, b=2]}\n  - {name: two, literals: [a=1, b=2]}\n',
      'over/kustomization.yaml':
        'resources: [../base]\nconfigMapGenerator:\n  - {name: one, behavior: merge, literals: [b=3]}\n  - {name: two, behavior: replace, literals: [c=4]}\n',
    },
  },
  'a component': over('resources: [../base]\ncomponents: [../with/debug]\n', {
    'with/debug/kustomization.yaml':
      'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n  - target: {kind: Deployment}\n    patch: |-\n      - {op: add, path: /spec/template/spec/containers/0/command, value: [sleep, "1"]}\nconfigMapGenerator: [{name: debug, literals: [on=true]}]\n',
  }),
  replacements: over(
    'resources: [../base, settings.yaml]\nreplacements:\n  - source: {kind: ConfigMap, name: settings, fieldPath: data.n}\n    targets:\n      - select: {kind: Deployment}\n        fieldPaths: ["spec.template.spec.containers.[name=web].env.[name=A].value"]\n',
    { 'over/settings.yaml': settings },
  ),
  'replacements by part of a text': over(
    'resources: [../base]\nreplacements:\n  - source: {kind: Service, name: web, fieldPath: metadata.name}\n    targets:\n      - select: {kind: Deployment}\n        fieldPaths: [spec.template.spec.containers.0.image]\n        options: {delimiter: ":", index: 1}\n',
  ),
  'vars of old': over(
    'resources: [../base, pod.yaml]\nvars: [{name: NAME, objref: {kind: Service, name: web, apiVersion: v1}}]\nnamePrefix: p-\n',
    {
      'over/pod.yaml':
        'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: i, args: ["$(NAME)"]}]}\n',
    },
  ),
  'overlays of overlays, and a diamond': {
    path: 'top',
    files: {
      ...base,
      'left/kustomization.yaml': 'resources: [../base]\nnamePrefix: left-\n',
      'right/kustomization.yaml': 'resources: [../base]\nnamePrefix: right-\n',
      'top/kustomization.yaml': 'resources: [../left, ../right]\nnameSuffix: -v1\n',
    },
  },
  'a custom kind, with its definition': over('resources: [../base, widget.yaml]\ncrds: [crd.json]\nnamePrefix: a-\n', {
    'over/widget.yaml': 'apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\nspec: {n: 012, on: yes}\n',
    'over/crd.json': '{}',
  }),
  'transformer settings': over('resources: [../base, widget.yaml]\nnamePrefix: a-\nconfigurations: [c.yaml]\n', {
    'over/widget.yaml': 'apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\nspec: {service: web}\n',
    'over/c.yaml': 'nameReference:\n  - {kind: Service, fieldSpecs: [{kind: Widget, path: spec/service}]}\n',
  }),
  'several documents, a list, and comments': over('resources: [all.yaml]\n', {
    'over/all.yaml': `# first\n---\n${settings}---\n# nothing\n---\napiVersion: v1\nkind: List\nitems:\n  - {apiVersion: v1, kind: ServiceAccount, metadata: {name: a}}\n  - {apiVersion: v1, kind: ServiceAccount, metadata: {name: b}}\n`,
  }),
  'a builtin transformer': over('resources: [../base]\ntransformers: [t.yaml]\n', {
    'over/t.yaml':
      'apiVersion: builtin\nkind: PrefixTransformer\nmetadata: {name: x}\nprefix: t-\nfieldSpecs: [{path: metadata/name}]\n',
  }),
  'a Kustomization by its other name': {
    path: 'base',
    files: { 'base/Kustomization': 'resources: [w.yaml]\n', 'base/w.yaml': web },
  },
  'the top of the repository': {
    path: '',
    files: {
      'kustomization.yml': 'resources: [a/w.yaml, b]\n',
      'a/w.yaml': web,
      'b/kustomization.yaml': 'resources: [s.yaml]\n',
      'b/s.yaml': service,
    },
  },
  'an order of its own': over('resources: [../base, account.yaml]\nsortOptions: {order: legacy}\n', {
    'over/account.yaml': account,
  }),
  'build metadata': over('resources: [../base]\nbuildMetadata: [managedByLabel, originAnnotations]\n'),
};
