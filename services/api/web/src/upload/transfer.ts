/** Sends one packed scan in parts, so that it can pause, go on after a break, or be given up. */
import { signal } from "@preact/signals";
import { api, type DirectUpload, Problem, problemOf, unreachable } from "../core/api";
import type { Scan } from "../core/types";
import type { Packed } from "./pack";

type State = "sending" | "paused" | "finishing" | "done" | "stopped";

export class Transfer {
  readonly state = signal<State>("sending");
  readonly sent = signal(0);
  private request: XMLHttpRequest | null = null;
  private wake: (() => void) | null = null;
  private upload: DirectUpload | null = null;

  constructor(
    private readonly packed: Packed,
    private readonly spacing: string,
  ) {}

  get bytes(): number {
    return this.packed.blob.size;
  }

  pause(): void {
    if (this.state.value !== "sending") return;
    this.state.value = "paused";
    this.request?.abort();
  }

  resume(): void {
    if (this.state.value !== "paused") return;
    this.state.value = "sending";
    this.wake?.();
  }

  /** Gives the upload up, here and on the server. */
  cancel(): void {
    this.state.value = "stopped";
    this.request?.abort();
    this.wake?.();
    if (this.upload) void api.abort(this.upload.upload).catch(() => undefined);
    this.forget();
  }

  /** The accepted scan; rejects with a Problem, or an AbortError after `cancel`. */
  async run(): Promise<Scan> {
    const remembered = sessionStorage.getItem(this.memory);
    this.upload = remembered ? await api.uploaded(remembered).catch(() => null) : null;
    this.upload ??= await api.upload(this.packed.blob.size, this.packed.sha256);
    sessionStorage.setItem(this.memory, this.upload.upload);
    const size = this.upload.part_bytes;
    for (const part of this.upload.parts) {
      const from = (part.number - 1) * size;
      const blob = this.packed.blob.slice(from, from + size);
      if (!part.done && part.url) await this.insist("PUT", part.url, blob, from);
    }
    this.state.value = "finishing";
    const scan = await api.complete(this.upload.upload, this.spacing);
    this.forget();
    this.state.value = "done";
    return scan;
  }

  private get memory(): string {
    return `upload:${this.packed.sha256}`;
  }

  private forget(): void {
    sessionStorage.removeItem(this.memory);
  }

  /** Sends until it is through: a pause waits, a lost connection is tried again some times. */
  private async insist(method: string, url: string, body: Blob, from: number): Promise<void> {
    for (let failures = 0; ; ) {
      await this.ready();
      try {
        await this.send(method, url, body, from);
        return;
      } catch (error) {
        if (this.state.value === "paused" || this.state.value === "stopped") continue;
        const lost = error instanceof Problem && (error.status === 0 || error.status === 503);
        failures += 1;
        if (!lost || failures > 4) throw error;
        await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** failures));
      }
    }
  }

  private async ready(): Promise<void> {
    while (this.state.value === "paused") await new Promise<void>((resolve) => (this.wake = resolve));
    if (this.state.value === "stopped") throw new DOMException("The upload was given up.", "AbortError");
  }

  private send(method: string, url: string, body: Blob, from: number): Promise<void> {
    const request = new XMLHttpRequest();
    this.request = request;
    const total = this.packed.blob.size || 1;
    return new Promise((resolve, reject) => {
      request.open(method, url);
      request.upload.onprogress = ({ loaded }) => (this.sent.value = Math.min(1, (from + loaded) / total));
      request.onload = () => {
        if (request.status < 300) resolve();
        else reject(problemOf(request.status, request.responseText));
      };
      request.onerror = () => reject(unreachable());
      request.onabort = () => reject(new DOMException("Stopped.", "AbortError"));
      request.send(body);
    });
  }
}
