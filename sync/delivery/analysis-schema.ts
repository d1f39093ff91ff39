import { type Static, Type } from '@sinclair/typebox';
import { anything, duration, listOf, section, text, words } from './fields.ts';

const count = (description: string, fallback: number) =>
  Type.Optional(Type.Integer({ description, minimum: 0, maximum: 1000, default: fallback }));

const condition = (description: string) => Type.Optional(text(description, { minLength: 1, maxLength: 4096 }));

const secretRef = Type.Optional(
  Type.Object(
    { name: text('Its name.', { minLength: 1, maxLength: 253 }) },
    {
      description: 'A Secret in the namespace of the Delivery, with the keys username and password, or bearerToken.',
    },
  ),
);

const prometheus = section(
  {
    address: text('URL of the server, https:// or http://, such as http://prometheus.monitoring:9090.', {
      minLength: 1,
    }),
    query: text('A query in PromQL that is asked for now.', { minLength: 1, maxLength: 16_384 }),
    secretRef,
    timeout: duration('How long an answer may take.', '10s'),
  },
  'Asks a Prometheus. Conditions name its samples as the list `result`, and a single one as `value`.',
);

const web = section(
  {
    url: text('What is asked, https:// or http://. Redirects are not followed.', { minLength: 1 }),
    method: words(['GET', 'HEAD', 'POST'], 'How.', 'GET'),
    headers: listOf(
      Type.Object({
        name: text('The name of the header.', { minLength: 1, maxLength: 100, pattern: '^[A-Za-z0-9-]+$' }),
        value: text('Its value.', { pattern: '^[\\t -~]*$' }),
      }),
      'Headers of the request, none of them a secret.',
      20,
    ),
    body: Type.Optional(text('The body of a POST.', { maxLength: 65_536 })),
    secretRef,
    timeout: duration('How long an answer may take.', '10s'),
  },
  'Asks a URL. Conditions name the code of the answer as `status`, and its body, read as JSON where it is that, as `result`. Without conditions, a code of 200 to 299 is a success and every other a failure.',
);

const job = section(
  {
    spec: anything('As spec of a Job (batch/v1).'),
    timeout: duration('How long it may run.', '5m'),
  },
  'Runs a Job in spec.target.namespace, as the account of the Delivery. It succeeds or fails as the Job does.',
);

/** One entry of `spec.health.analysis`. */
export const metric = section(
  {
    name: text('What it is called in the status.', {
      minLength: 1,
      maxLength: 30,
      pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
    }),
    prometheus: Type.Optional(prometheus),
    web: Type.Optional(web),
    job: Type.Optional(job),
    successCondition: condition('In CEL: when a measurement is a success, such as `value < 0.05`.'),
    failureCondition: condition('In CEL: when it is a failure. With both conditions, what is neither is inconclusive.'),
    initialDelay: duration('How long after everything is healthy it is measured for the first time.', '0s'),
    interval: duration('The time between two measurements. Without it there is one.'),
    count: Type.Optional(
      Type.Integer({
        description: 'How many measurements there are. Without it, as many as fit into spec.health.bake.',
        minimum: 1,
        maximum: 10_000,
      }),
    ),
    failureLimit: count('How many failures are let pass.', 0),
    inconclusiveLimit: count('How many inconclusive measurements are let pass.', 0),
    consecutiveErrorLimit: count('How many measurements in a row may not be possible.', 4),
    noData: words(
      ['Inconclusive', 'Failed', 'Successful'],
      'What a measurement counts as that finds no sample, or NaN.',
      'Inconclusive',
    ),
  },
  'A metric that a release must pass before it is good: one of prometheus, web and job.',
);

export type MetricSpec = Static<typeof metric>;
