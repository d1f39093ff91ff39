import type { Kube } from './kube.ts';

const apiVersion = 'admissionregistration.k8s.io/v1';

/** What a policy of the cluster refuses in one namespace. */
export interface Denial {
  readonly operation: 'CREATE' | 'UPDATE';
  readonly resource: string;
  /** What must hold of the object, in CEL. */
  readonly must: string;
  readonly message: string;
}

/** Makes a policy of the cluster for a namespace; it comes into force a moment later. */
export async function deny(kube: Kube, namespace: string, denial: Denial): Promise<void> {
  const rule = { apiGroups: [''], apiVersions: ['v1'], operations: [denial.operation], resources: [denial.resource] };
  await kube.apply({
    apiVersion,
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name: namespace },
    spec: {
      matchConstraints: { resourceRules: [rule] },
      validations: [{ expression: denial.must, message: denial.message }],
    },
  });
  await kube.apply({
    apiVersion,
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name: namespace },
    spec: {
      policyName: namespace,
      validationActions: ['Deny'],
      matchResources: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } },
    },
  });
}

/** Takes the policy back. */
export function allow(kube: Kube, namespace: string): Promise<void> {
  return kube.delete({ apiVersion, kind: 'ValidatingAdmissionPolicyBinding', name: namespace });
}
