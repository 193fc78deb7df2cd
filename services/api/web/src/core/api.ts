/** Calls of the HTTP interface; every failure is a Problem with the service's code and sentence. */
import { t } from "./language";
import type { Delivery, Destination, Job, JobPage, LabelEdit, Measured, Measurement, MeasurementBody, Model, Report, Revision, Scan, Session, Share, ViewBody, ViewOfModel } from "./types";

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    /** Whatever else the service said. */
    readonly members: Record<string, unknown> = {},
  ) {
    super(detail);
    this.name = "Problem";
  }
}

/** The sentence to show for anything that was thrown. */
export function sentence(error: unknown): string {
  if (error instanceof Problem) return error.message;
  if (error instanceof Error && error.message) return error.message;
  return t("Something went wrong.");
}

export function problemOf(status: number, text: string): Problem {
  try {
    const body = JSON.parse(text) as Record<string, unknown>;
    if (typeof body.code === "string" && typeof body.detail === "string") {
      return new Problem(status, body.code, body.detail, body);
    }
  } catch {
    // not JSON: a proxy's own page
  }
  if (status === 0) return unreachable();
  return new Problem(status, "http_error", t("The server answered {status}.", { status }));
}

export function unreachable(): Problem {
  return new Problem(0, "unreachable", t("The server can't be reached. Check the connection; nothing you sent is lost."));
}

async function send(path: string, init: RequestInit = {}): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(path, { credentials: "same-origin", ...init });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw unreachable();
  }
  if (!answer.ok) throw problemOf(answer.status, await answer.text());
  return answer;
}

/** Sends until the file that the server writes at its first request is there; the answer 202 says that it is not. */
async function sendForFile(path: string, init: RequestInit): Promise<Response> {
  for (;;) {
    const answer = await send(path, init);
    if (answer.status !== 202) return answer;
    await pause(Number(answer.headers.get("Retry-After") ?? 1), init.signal);
  }
}

function pause(seconds: number, signal?: AbortSignal | null): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("aborted", "AbortError"));
    });
  });
}

async function json<T>(path: string, method = "GET", body?: unknown, headers: Record<string, string> = {}): Promise<T> {
  const init: RequestInit = { method, headers };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { ...headers, "Content-Type": "application/json" };
  }
  const answer = await send(path, init);
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

const job = (id: string): string => `/v1/jobs/${encodeURIComponent(id)}`;
const file = (id: string, name: string, revision?: number): string => `${job(id)}/${name}${revision ? `?revision=${revision}` : ""}`;
const LABELS = "labels.nii.gz";

function tagOf(answer: Response): string {
  return answer.headers.get("ETag") ?? "";
}

function editRequest(tag: string, edits: readonly LabelEdit[]): RequestInit {
  return { body: JSON.stringify({ edits }), headers: { "If-Match": tag, "Content-Type": "application/json" } };
}

async function saved(answer: Response): Promise<{ revision: number; tag: string }> {
  const { revision } = (await answer.json()) as Job;
  return { revision: revision ?? 1, tag: tagOf(answer) };
}

export const api = {
  session: () => json<Session>("/v1/session"),
  signIn: (key: string) => json<void>("/v1/session", "POST", { key }),
  signOut: () => json<void>("/v1/session", "DELETE"),
  oidc: () => json<{ enabled: boolean; login: string }>("/v1/session/oidc"),
  page: () => json<{ version: string; signed_in: boolean; public_url: string | null }>("/web.json"),
  job: async (id: string, wait = 0, signal?: AbortSignal) =>
    (await (await send(`${job(id)}?wait=${wait}`, signal ? { signal } : {})).json()) as Job,
  models: () => json<{ items: Model[] }>("/v1/models"),
  /** A page of jobs; empty limits are left out. */
  jobs: (limits: Record<string, string>, cursor: string | null, limit = 50) => {
    const given = Object.entries({ ...limits, cursor: cursor ?? "" }).filter(([, value]) => value.trim());
    return json<JobPage>(`/v1/jobs?${new URLSearchParams([["limit", String(limit)], ...given])}`);
  },
  destinations: async () => (await json<{ items: Destination[] }>("/v1/dicom/destinations")).items,
  deliveries: async (id: string) => (await json<{ items: Delivery[] }>(`/v1/dicom/deliveries?job=${encodeURIComponent(id)}`)).items,
  /** Sends the newest version of a result to a destination. */
  send: (id: string, destination: string) => json<Delivery>(`${job(id)}/deliveries`, "POST", { destination }),
  start: (scan: string, options: { quality: string; spacing?: number[] }, key?: string) =>
    json<Job>("/v1/jobs", "POST", { scan, options }, key ? { "Idempotency-Key": key } : {}),
  startRaw: async (scan: ArrayBuffer, key: string) => {
    const headers = { "Content-Type": "application/octet-stream", "Idempotency-Key": key };
    return (await (await send("/v1/jobs", { method: "POST", body: scan, headers })).json()) as Job;
  },
  cancel: (id: string) => json<Job>(`${job(id)}/cancel`, "POST"),
  describe: (id: string, change: Partial<Pick<Job, "name" | "note" | "tags" | "review">>) => json<Job>(job(id), "PATCH", change),
  erase: (id: string) => json<void>(job(id), "DELETE"),
  /** The report of a revision, or of the newest finished one. */
  report: async (id: string, revision?: number) => (await (await sendForFile(file(id, "report.json", revision), {})).json()) as Report,
  /** The model of a revision, or of the newest finished one. */
  model: (id: string, revision?: number, signal?: AbortSignal) => api.bytes(`${file(id, "model.glb")}?compression=meshopt${revision ? `&revision=${revision}` : ""}`, signal),
  revisions: async (id: string) => (await json<{ items: Revision[] }>(`${job(id)}/revisions`)).items,
  /** The tag of a revision's label map, which names it in `If-Match`. */
  tag: async (id: string, revision: number) => tagOf(await send(file(id, LABELS, revision), { method: "HEAD" })),
  /** Makes the next revision by edits of the label map that the tag names. */
  correct: async (id: string, tag: string, edits: readonly LabelEdit[]) => saved(await send(file(id, LABELS), { method: "PATCH", ...editRequest(tag, edits) })),
  /** The label map that edits would make, without saving it. */
  preview: async (id: string, tag: string, edits: readonly LabelEdit[]) => (await send(`${job(id)}/labels/preview`, { method: "POST", ...editRequest(tag, edits) })).arrayBuffer(),
  /** Makes the next revision from a whole label map. */
  putLabels: async (id: string, tag: string, labels: ArrayBuffer) =>
    saved(await send(file(id, LABELS), { method: "PUT", body: labels, headers: { "If-Match": tag, "Content-Type": "application/gzip" } })),
  measurements: async (id: string) => (await json<{ items: Measurement[] }>(`${job(id)}/measurements`)).items,
  /** Adds a measurement, or changes the one that has the tag. */
  measure: <Body extends MeasurementBody>(id: string, measurement: string, body: Body, tag?: string) =>
    json<Body & Measured>(`${job(id)}/measurements/${measurement}`, "PUT", body, tag ? { "If-Match": tag } : {}),
  unmeasure: (id: string, measurement: string) => json<void>(`${job(id)}/measurements/${measurement}`, "DELETE"),
  views: async (id: string) => (await json<{ items: ViewOfModel[] }>(`${job(id)}/views`)).items,
  /** Saves a view, or changes the one that has the tag. */
  saveView: (id: string, view: string, body: ViewBody, tag?: string) => json<ViewOfModel>(`${job(id)}/views/${view}`, "PUT", body, tag ? { "If-Match": tag } : {}),
  deleteView: (id: string, view: string) => json<void>(`${job(id)}/views/${view}`, "DELETE"),
  /** The jobs on studies of the same patient, this one included; none for a scan that was uploaded. */
  samePatient: async (id: string) => (await json<{ items: { job: string; study_date: string | null }[] }>(`/v1/dicom/jobs/${encodeURIComponent(id)}/same-patient`)).items,
  share: (id: string, seconds: number) => json<Share>(`${job(id)}/share`, "POST", { seconds }),
  shares: async (id: string) => {
    const found = await json<Share[] | { items: Share[] }>(`${job(id)}/shares`);
    return Array.isArray(found) ? found : found.items;
  },
  /** An address of the model that needs no key for ten minutes. */
  modelLink: async (id: string) => (await json<{ path: string }>(`${job(id)}/model-link`, "POST")).path,
  unshare: (id: string, share: string) => json<void>(`${job(id)}/shares/${encodeURIComponent(share)}`, "DELETE"),
  file,
  events: (id: string) => `${job(id)}/events?early=true`,
  bytes: async (path: string, signal?: AbortSignal) =>
    (await sendForFile(path, signal ? { signal } : {})).arrayBuffer(),
  /** Resolves once the server has written the file. */
  written: (path: string) => sendForFile(path, { method: "HEAD" }).then(
    () => undefined,
    () => send(path).then(() => undefined), // a HEAD has no sentence that says why
  ),
  upload: (bytes: number, sha256: string) =>
    json<DirectUpload>("/v1/scans?upload=direct", "POST", { bytes, sha256 }),
  uploaded: (id: string) => json<DirectUpload>(`/v1/uploads/${encodeURIComponent(id)}`),
  complete: (id: string, spacing: string) =>
    json<Scan>(`/v1/uploads/${encodeURIComponent(id)}/complete${spacing ? `?spacing=${spacing}` : ""}`, "POST"),
  abort: (id: string) => json<void>(`/v1/uploads/${encodeURIComponent(id)}`, "DELETE"),
};

export interface DirectUpload {
  upload: string;
  part_bytes: number;
  parts: { number: number; url?: string; bytes?: number; done: boolean }[];
}
