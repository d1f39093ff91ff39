import type { EngineRequest } from '../../../sync/render/engine-port.ts';

type Chart = Extract<EngineRequest, { helm: unknown }>['helm'];

/** Asks for the chart in the folder app, for a release web in the namespace shop. */
export function chartRequest(more: Partial<Chart> = {}): { helm: Chart } {
  return {
    helm: {
      chart: 'app',
      name: 'web',
      namespace: 'shop',
      values: [],
      kubeVersion: 'v1.36.3',
      apiVersions: [],
      skipCRDs: false,
      skipSchema: false,
      ...more,
    },
  };
}
