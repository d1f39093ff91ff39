import { isObject, type Json, type JsonObject, parseJson, toJson } from '../../diff/json.ts';
import type { ApiResource } from '../ports.ts';
import { deliverySpec } from './schema.ts';
import { deliverySetSpec } from './set-schema.ts';
import { deliveryStatus } from './status-schema.ts';

/** The Delivery as the API server serves it. */
export const deliveryApiVersion = 'lockstep.dev/v1alpha1';
const deliveryPlural = 'deliveries';
export const deliveryResource: ApiResource = {
  apiVersion: deliveryApiVersion,
  kind: 'Delivery',
  plural: deliveryPlural,
  namespaced: true,
};

export const deliverySetResource: ApiResource = {
  apiVersion: deliveryApiVersion,
  kind: 'DeliverySet',
  plural: 'deliverysets',
  namespaced: true,
};

/** Where an object of the agent's own kinds is. */
export function resourceOf({ kind }: { readonly kind: string }): ApiResource {
  return kind === 'DeliverySet' ? deliverySetResource : deliveryResource;
}

const column = (name: string, jsonPath: string, type = 'string', priority = 0): JsonObject => ({
  name,
  jsonPath,
  type,
  // What the API server leaves out when it answers would look like a change at each apply.
  ...(priority === 0 ? {} : { priority }),
});

/** The CustomResourceDefinition, made from the schema that the types come from. */
export function deliveryCrd(): JsonObject {
  const spec = toOpenApi(deliverySpec);
  const target =
    isObject(spec['properties']) && isObject(spec['properties']['target']) ? spec['properties']['target'] : {};
  target['x-kubernetes-validations'] = [
    { rule: 'self == oldSelf', message: 'spec.target is immutable: make a new Delivery with adoption' },
  ];
  spec['x-kubernetes-validations'] = [
    {
      rule: 'has(self.source) || (has(self.render) && has(self.render.helm) && has(self.render.helm.repository))',
      message: 'spec.source is missing; only a chart of spec.render.helm.repository needs none',
    },
  ];
  const about = 'A Delivery brings the manifests of a Git repository into the cluster and keeps them there.';
  return crd({ resource: deliveryResource, singular: 'delivery', shortName: 'dlv', about, spec });
}

/** The same of sets. */
export function deliverySetCrd(): JsonObject {
  const about =
    'A DeliverySet makes a Delivery for each entry of a list, folder or file of a repository, or pull request.';
  const spec = toOpenApi(deliverySetSpec);
  return crd({ resource: deliverySetResource, singular: 'deliveryset', shortName: 'dls', about, spec });
}

interface Defined {
  readonly resource: ApiResource;
  readonly singular: string;
  readonly shortName: string;
  readonly about: string;
  readonly spec: JsonObject;
}

function crd({ resource: { kind, plural }, singular, shortName, about, spec }: Defined): JsonObject {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.lockstep.dev` },
    spec: {
      group: 'lockstep.dev',
      scope: 'Namespaced',
      names: { plural, singular, kind, shortNames: [shortName], categories: ['all', 'lockstep'] },
      versions: [
        {
          name: 'v1alpha1',
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: [
            column('Ready', '.status.conditions[?(@.type=="Ready")].status'),
            column('State', '.status.state'),
            column('Revision', '.status.revision.target'),
            column('Health', '.status.conditions[?(@.type=="Healthy")].reason'),
            column('Age', '.metadata.creationTimestamp', 'date'),
            column('Message', '.status.conditions[?(@.type=="Ready")].message', 'string', 1),
          ],
          schema: {
            openAPIV3Schema: {
              type: 'object',
              description: about,
              required: ['spec'],
              properties: {
                apiVersion: { type: 'string' },
                kind: { type: 'string' },
                metadata: { type: 'object' },
                spec,
                status: toOpenApi(deliveryStatus),
              },
            },
          },
        },
      ],
    },
  };
}

/** A schema as plain JSON, without what only typebox knows. */
function toOpenApi(schema: object): JsonObject {
  const plain = withoutEmptyMaps(parseJson(toJson(schema)));
  return isObject(plain) ? plain : {};
}

/** `properties: {}` says nothing, and the API server drops it; an empty default says something. */
function withoutEmptyMaps(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutEmptyMaps);
  if (!isObject(value)) return value;
  const kept = Object.entries(value).filter(
    ([name, inner]) => name !== 'properties' || !isObject(inner) || Object.keys(inner).length > 0,
  );
  return Object.fromEntries(kept.map(([name, inner]) => [name, withoutEmptyMaps(inner)]));
}
