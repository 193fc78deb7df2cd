/** Follows a job to its end, by server-sent events; says within seconds that the server is lost, and tries again. */
import { signal } from "@preact/signals";
import { api, Problem, sentence } from "../core/api";
import { type EarlyPart, type Job, OPEN_STATES } from "../core/types";
import { withPart } from "../early/list";

/** Milliseconds without an event after which the server is asked whether it is still there. */
const SILENCE = 2000;
const PATIENCE = 2500;
const PAUSE = 2000;

export class Follower {
  readonly job = signal<Job | null>(null);
  readonly problem = signal("");
  /** Slices that the segmenter has finished; empty again once the outlines are complete. */
  readonly early = signal<EarlyPart[]>([]);
  /** Whether trying again has no sense: no such job, no permission. */
  readonly final = signal(false);
  private source: EventSource | null = null;
  private timer = 0;
  private closed = false;

  constructor(private readonly id: string) {
    void this.look();
  }

  see(job: Job): void {
    if (this.closed) return;
    this.job.value = job;
    this.problem.value = "";
    if (!OPEN_STATES.includes(job.state)) return this.close();
    if (this.source?.readyState !== EventSource.OPEN && this.source?.readyState !== EventSource.CONNECTING) this.listen();
    this.lookIn(SILENCE);
  }

  close(): void {
    this.closed = true;
    this.source?.close();
    window.clearTimeout(this.timer);
  }

  private listen(): void {
    this.source?.close();
    this.source = new EventSource(api.events(this.id));
    this.source.addEventListener("job", (event) => this.see(JSON.parse((event as MessageEvent<string>).data) as Job));
    this.source.addEventListener("early", (event) => {
      this.early.value = withPart(this.early.value, JSON.parse((event as MessageEvent<string>).data) as EarlyPart);
    });
    this.source.onerror = () => this.lookIn(0);
  }

  private lookIn(milliseconds: number): void {
    window.clearTimeout(this.timer);
    if (!this.closed) this.timer = window.setTimeout(() => void this.look(), milliseconds);
  }

  private async look(): Promise<void> {
    try {
      this.see(await api.job(this.id, 0, AbortSignal.timeout(PATIENCE)));
    } catch (error) {
      if (this.closed) return;
      this.problem.value = sentence(error);
      this.final.value = error instanceof Problem && error.status >= 400 && error.status < 500 && error.status !== 429;
      if (!this.final.value) this.lookIn(PAUSE);
    }
  }
}
