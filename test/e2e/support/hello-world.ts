/** The application of the demo and of many tests, as its team keeps it in Git. */
export const helloWorld = {
  deployment: (replicas = 1, image = 'hello-world:latest'): string => `apiVersion: apps/v1
kind: Deployment
metadata:
  name: hello-world
  labels: {app: hello-world}
spec:
  replicas: ${replicas}
  selector:
    matchLabels: {app: hello-world}
  template:
    metadata:
      labels: {app: hello-world}
    spec:
      containers:
        - name: hello-world
          image: ${image}
          ports:
            - containerPort: 5000
`,
  service: `apiVersion: v1
kind: Service
metadata:
  name: hello-world-service
spec:
  type: NodePort
  selector: {app: hello-world}
  ports:
    - protocol: TCP
      port: 80
      targetPort: 5000
`,
  settings: (color: string): string => `apiVersion: v1
kind: ConfigMap
metadata:
  name: hello-world-settings
data:
  color: ${color}
`,
  migration: `apiVersion: batch/v1
kind: Job
metadata:
  name: hello-world-migration
  annotations:
    lockstep.dev/wave: "-1"
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: migrate
          image: hello-world:latest
          args: [migrate]
`,
  worker: `apiVersion: apps/v1
kind: Deployment
metadata:
  name: hello-world-worker
  annotations:
    lockstep.dev/wave: "1"
spec:
  replicas: 1
  selector:
    matchLabels: {app: hello-world-worker}
  template:
    metadata:
      labels: {app: hello-world-worker}
    spec:
      containers:
        - name: worker
          image: hello-world:latest
`,
};
