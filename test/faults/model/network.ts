import { apiError, connectionError } from '../../../agent/kube/errors.ts';
import type { KubeHttp, KubeRequest, KubeResponse } from '../../../agent/kube/http.ts';
import { LockstepError } from '../../../sync/errors.ts';
import type { Random } from '../random.ts';
import type { ApiServer } from './api-server.ts';
import type { Time } from './time.ts';

/** One request that reached the API server. */
export interface Call {
  readonly agent: string;
  readonly epoch: number;
  readonly request: KubeRequest;
  /** When it was sent, and when it was carried out. */
  readonly sentAt: number;
  readonly at: number;
  /** The code of the answer. */
  readonly status: number;
}

/** How often what goes wrong, in percent. */
export interface Faults {
  /** The request never arrives. */
  readonly lost: number;
  /** It arrives, and its answer does not. */
  readonly cut: number;
  /** It is refused: 429, 500 or 503. */
  readonly refused: number;
  /** It takes seconds. */
  readonly slow: number;
}

export const noFaults: Faults = { lost: 0, cut: 0, refused: 0, slow: 0 };

/** The way between an agent and the API server. */
export interface Network {
  faults: Faults;
  readonly calls: Call[];
  /** Called before a request is carried out, with whoever sent it. */
  onCall: (call: Omit<Call, 'status' | 'at'>) => void;
}

/** Who sends. A dead one gets no answers any more, and a stopped one only when it goes on. */
export interface Sender {
  readonly name: string;
  readonly epoch: number;
  isDead: boolean;
  /** Resolves at once, unless the process is stopped. */
  awake(): Promise<void>;
}

const never = new Promise<never>(() => undefined);

/** The API server as one agent reaches it. */
export function connectTo(server: ApiServer, time: Time, random: Random, network: Network, sender: Sender): KubeHttp {
  async function request(asked: KubeRequest): Promise<KubeResponse> {
    if (sender.isDead) return never;
    await sender.awake();
    const left = asked.left?.();
    if (left !== undefined && left <= 0) throw new LockstepError('Fenced', 'this agent does not lead any more');
    const sentAt = time.now();
    const { faults } = network;
    await time.sleep(random.percent(faults.slow) ? random.between(500, 4_000) : random.between(1, 15));
    if (random.percent(faults.lost)) return answered(() => fail());
    if (random.percent(faults.refused)) {
      const status = random.one([429, 500, 503]);
      return answered(() => {
        throw apiError({ status, text: JSON.stringify({ kind: 'Status', message: 'a fault' }) });
      });
    }
    const outcome = carryOut(asked, sentAt);
    await time.sleep(random.between(1, 15));
    return answered(() => (random.percent(faults.cut) ? fail() : outcome()));
  }

  function carryOut(asked: KubeRequest, sentAt: number): () => KubeResponse {
    const call = { agent: sender.name, epoch: sender.epoch, request: asked, sentAt };
    network.onCall(call);
    try {
      const answer = server.handle(asked);
      network.calls.push({ ...call, at: time.now(), status: answer.status });
      return () => answer;
    } catch (error) {
      network.calls.push({ ...call, at: time.now(), status: (error as { status?: number }).status ?? 0 });
      return () => {
        throw error;
      };
    }
  }

  /** What comes back only reaches a process that is there. */
  async function answered(outcome: () => KubeResponse): Promise<KubeResponse> {
    if (sender.isDead) return never;
    await sender.awake();
    if (sender.isDead) return never;
    return outcome();
  }

  return {
    request,
    text: async () => '',
    stream: () => Promise.reject(new Error('watches are told by the model itself')),
    close: async () => undefined,
  };
}

function fail(): never {
  throw connectionError(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }));
}
