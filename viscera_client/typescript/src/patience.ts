/** Waits for a service that is busy. */
type Send = (request: Request) => Promise<Response>;

const IDEMPOTENT = new Set(["GET", "HEAD", "PUT", "DELETE"]);
const BUSY = new Set([429, 503]);
const SHORTEST_PAUSE = 0.2;

/** Return `send`, which repeats what may be repeated after its Retry-After, for `patience` seconds together. */
export function patient(send: Send, patience: number): Send {
  return async (request) => {
    const mayRepeat = IDEMPOTENT.has(request.method) || request.headers.has("Idempotency-Key");
    for (let left = patience; ; ) {
      const response = await send(mayRepeat ? request.clone() : request);
      const seconds = secondsBefore(response);
      if (!mayRepeat || !BUSY.has(response.status) || seconds > left) return response;
      await response.body?.cancel();
      left -= seconds;
      await pause(seconds);
    }
  };
}

/** Return the seconds of Retry-After (RFC 9110, 10.2.3); a date counts as one. */
export function secondsBefore(response: Response): number {
  const text = response.headers.get("Retry-After") ?? "";
  return /^\d+$/.test(text) ? Math.max(Number(text), SHORTEST_PAUSE) : 1;
}

export function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
