/** A client of Viscera's HTTP interface: `http` has every call with its types, the methods do what takes several steps. */
import createHttp, { type Client, type Middleware } from "openapi-fetch";

import { JobFailed, problem } from "./errors.js";
import { pause, patient, secondsBefore } from "./patience.js";
import type { components, paths } from "./schema.js";

export { JobFailed, ServiceError } from "./errors.js";
export type { components, paths } from "./schema.js";

export type Job = components["schemas"]["Job"];
export type JobOptions = Omit<NonNullable<paths["/v1/jobs"]["post"]["parameters"]["query"]>, "filename">;

export interface Connection {
  url: string;
  key: string;
  /** Seconds that a request waits for a service which is busy (429, 503) and says when to come again. */
  patience?: number;
}

export interface Download {
  content: Blob;
  /** What a correction of a label map names in `correct`. */
  etag: string;
}

const LONG_POLL = 20;
const RAW = { "Content-Type": "application/octet-stream" };

export class Viscera {
  /** Every call of the interface; it throws ServiceError for every answer that is an error. */
  readonly http: Client<paths>;

  constructor({ url, key, patience = 60 }: Connection) {
    this.http = createHttp<paths>({
      baseUrl: url.replace(/\/$/, ""),
      headers: { Authorization: `Bearer ${key}` },
      fetch: patient((request) => fetch(request), patience),
      bodySerializer: (body: unknown) => (body instanceof Blob ? body : JSON.stringify(body)),
    });
    this.http.use(errors);
  }

  /** Upload a scan (one file, or a zip of a series) and start a job; the same `key` again returns the same job. */
  async submit(scan: Blob, options: JobOptions = {}, key: string = crypto.randomUUID()): Promise<Job> {
    const { data } = await this.http.POST("/v1/jobs", {
      params: { query: options, header: { "idempotency-key": key } },
      headers: RAW,
      body: scan,
    });
    return present(data);
  }

  /** Return the job once it has succeeded. Throws JobFailed for any other end. */
  async wait(id: string, onChange: (job: Job) => void = () => {}): Promise<Job> {
    for (let seconds = 0; ; seconds = LONG_POLL) {
      const params = { path: { job_id: id }, query: { wait: seconds } };
      const job = present((await this.http.GET("/v1/jobs/{job_id}", { params })).data);
      onChange(job);
      if (job.state === "succeeded") return job;
      if (job.state !== "queued" && job.state !== "running") throw new JobFailed(job);
    }
  }

  /** Return a file of the result; one that the server writes at its first request is waited for. */
  async download(id: string, name: string, revision?: number): Promise<Download> {
    const params = { path: { job_id: id, name }, query: revision === undefined ? {} : { revision } };
    for (;;) {
      const { data, response } = await this.http.GET("/v1/jobs/{job_id}/{name}", { params, parseAs: "blob" });
      if (response.status !== 202) return { content: present(data), etag: response.headers.get("ETag") ?? "" };
      await pause(secondsBefore(response));
    }
  }

  /** Send a corrected label map; `etag` is that of the one that was corrected. Returns the job with its new revision. */
  async correct(id: string, labels: Blob, etag: string): Promise<Job> {
    const { data } = await this.http.PUT("/v1/jobs/{job_id}/labels.nii.gz", {
      params: { path: { job_id: id }, header: { "if-match": etag } },
      headers: RAW,
      body: labels,
    });
    return present(data);
  }
}

const errors: Middleware = {
  async onResponse({ response }) {
    if (response.status >= 400) throw await problem(response);
  },
};

function present<T>(data: T | undefined): T {
  if (data === undefined) throw new TypeError("The answer has no body.");
  return data;
}
