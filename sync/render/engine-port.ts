/** What stands at a path of a repository. */
export type RepositoryNode =
  | { readonly kind: 'file'; readonly oid: string; read(): Uint8Array }
  | { readonly kind: 'folder'; readonly oid: string; readonly names: readonly RepositoryEntry[] }
  | { readonly kind: 'link' | 'submodule'; readonly oid: string }
  | { readonly kind: 'nothing' };

export interface RepositoryEntry {
  readonly name: string;
  readonly kind: Exclude<RepositoryNode['kind'], 'nothing'>;
}

/** A repository at one commit, by paths from its top. @throws LockstepError */
export type RepositoryView = (path: string) => RepositoryNode;

/** The same where a file may take a moment. */
export type EngineView = (path: string) => RepositoryNode | Promise<RepositoryNode>;

/** Values for a chart: a file of the repository, or a text. Later ones count before earlier ones. */
export interface ChartValues {
  /** A path in the repository where there is no text. */
  readonly name: string;
  readonly text?: string;
}

interface KustomizeRequest {
  readonly kustomize: {
    /** The folder of the kustomization. */
    readonly path: string;
    /** A kustomization that is laid over it; empty for none. */
    readonly overlay: string;
  };
}

interface ChartRequest {
  /** The folder of the chart. */
  readonly chart: string;
  /** The name of the release. */
  readonly name: string;
  readonly namespace: string;
  readonly values: readonly ChartValues[];
  readonly skipCRDs: boolean;
  readonly skipSchema: boolean;
}

interface ChartCluster {
  /** That of the cluster, such as v1.36.3; empty where it is not known. */
  readonly kubeVersion: string;
  /** What is served, as `apps/v1` and `apps/v1/Deployment`. */
  readonly apiVersions: readonly string[];
}

/** What is asked for: one of the two. */
export type RenderRequest = KustomizeRequest | { readonly helm: ChartRequest };

/** What is to be rendered: for a chart, in which cluster as well. */
export type EngineRequest = KustomizeRequest | { readonly helm: ChartRequest & ChartCluster };

/** The versions of a chart are wanted, of the index of a repository of charts. */
export interface IndexRequest {
  readonly index: { readonly chart: string };
}

/** Manifests as a renderer made them, and what they were made of. */
export interface EngineDocument {
  readonly file: string;
  readonly text: string;
}

/** Renders kustomizations and charts, apart from everything else. */
export interface Engine {
  /**
   * @param owner whose work it is: nobody gets more than half of what can be done at once
   * @throws LockstepError InvalidManifests for what can't be rendered, RenderFailed when it takes too much, EngineMissing
   */
  render(owner: string, request: EngineRequest | IndexRequest, view: EngineView): Promise<readonly EngineDocument[]>;
  close(): Promise<void>;
}
