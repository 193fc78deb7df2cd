import type { components } from "./schema.js";

/** An answer that is an error: a stable `code`, one sentence, the HTTP `status`, and what else the answer says. */
export class ServiceError extends Error {
  override readonly name: string = "ServiceError";

  constructor(
    detail: string,
    readonly code: string,
    readonly status = 0,
    readonly members: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail);
  }
}

/** The job ended without a result; the code is the job's. */
export class JobFailed extends ServiceError {
  override readonly name = "JobFailed";

  constructor(readonly job: components["schemas"]["Job"]) {
    super(job.error?.detail ?? `The job was ${job.state}.`, job.error?.code ?? `job_${job.state}`);
  }
}

/** Return the error that an answer is (RFC 9457). */
export async function problem(response: Response): Promise<ServiceError> {
  const members: unknown = await response.json().catch(() => null);
  if (isProblem(members)) return new ServiceError(members.detail, members.code, response.status, { ...members });
  return new ServiceError(`The server answered ${response.status}.`, "http_error", response.status);
}

function isProblem(value: unknown): value is { code: string; detail: string } {
  return typeof value === "object" && value !== null && "code" in value && "detail" in value;
}
