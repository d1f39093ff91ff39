/** A ConfigMap as text. */
export function configMap(name: string, data: Readonly<Record<string, string>>, metadata = ''): string {
  const lines = Object.entries(data).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`);
  return `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n${metadata}data:\n${lines.join('\n')}\n`;
}

/** A Deployment as text. */
export function deployment(
  name: string,
  options: { replicas?: number; image?: string; wave?: number; pod?: Readonly<Record<string, string>> } = {},
): string {
  const wave = options.wave === undefined ? '' : `  annotations: {lockstep.dev/wave: "${options.wave}"}\n`;
  const pod = JSON.stringify(
    Object.fromEntries(Object.entries(options.pod ?? {}).map(([key, value]) => [`test.lockstep.dev/${key}`, value])),
  );
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
${wave}spec:
  replicas: ${options.replicas ?? 1}
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata:
      labels: {app: ${name}}
      annotations: ${pod}
    spec:
      containers:
        - name: main
          image: ${options.image ?? 'app:1'}
          ports: [{containerPort: 8080}]
`;
}
