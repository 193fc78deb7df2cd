/** Follows a job to its end: by server-sent events, by long polling where a proxy swallows those. */
import { signal } from "@preact/signals";
import { api, sentence } from "../core/api";
import { type EarlyPart, type Job, OPEN_STATES } from "../core/types";
import { withPart } from "../early/list";

const SILENCE = 25_000;

export class Follower {
  readonly job = signal<Job | null>(null);
  readonly problem = signal("");
  /** Slices that the segmenter has finished; empty again once the outlines are complete. */
  readonly early = signal<EarlyPart[]>([]);
  private source: EventSource | null = null;
  private timer = 0;
  private closed = false;

  constructor(private readonly id: string) {
    api.job(id).then((job) => this.see(job), (error: unknown) => (this.problem.value = sentence(error)));
  }

  see(job: Job): void {
    if (this.closed) return;
    this.job.value = job;
    this.problem.value = "";
    if (!OPEN_STATES.includes(job.state)) this.close();
    else if (!this.source && !this.timer) this.listen();
  }

  close(): void {
    this.closed = true;
    this.source?.close();
    window.clearTimeout(this.timer);
  }

  private listen(): void {
    const source = new EventSource(api.events(this.id));
    this.source = source;
    const heard = (): void => {
      window.clearTimeout(this.timer);
      this.timer = window.setTimeout(() => void this.poll(), SILENCE);
    };
    source.addEventListener("job", (event) => {
      heard();
      this.see(JSON.parse((event as MessageEvent<string>).data) as Job);
    });
    source.addEventListener("early", (event) => {
      this.early.value = withPart(this.early.value, JSON.parse((event as MessageEvent<string>).data) as EarlyPart);
    });
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) void this.poll();
    };
    heard();
  }

  private async poll(): Promise<void> {
    this.source?.close();
    window.clearTimeout(this.timer);
    while (!this.closed) {
      try {
        this.see(await api.job(this.id, 20));
      } catch (error) {
        this.problem.value = sentence(error);
        await new Promise((resolve) => setTimeout(resolve, 3000));
      }
    }
  }
}
