/** Keeps the measurements of a result on the server: loads them, and saves every change, again and again until it works. */
import { effect, signal } from "@preact/signals";
import { api, Problem, sentence } from "../core/api";
import { t } from "../core/language";
import { mayWrite } from "../core/session";
import type { Measurement, MeasurementBody } from "../core/types";
import type { Mark } from "../slices/marks";
import type { SliceView } from "../slices/view";
import { failure } from "../ui/status";

type Space = Pick<SliceView, "toPatient" | "toVoxel">;

export function bodyOf(space: Space, { kind, orientation, points, label }: Mark): MeasurementBody {
  return { kind, plane: orientation, points: points.map((point) => space.toPatient(point)), label };
}

export function markOf(space: Space, { id, kind, plane, points, label }: Measurement): Mark {
  return { id, kind, orientation: plane, points: points.map((point) => space.toVoxel(point)), label, own: false };
}

/** What of the server a change makes different. */
type Change = { put: Mark } | { remove: string };

export function changeOf(marks: readonly Mark[], known: ReadonlyMap<string, Measurement>, refused: ReadonlySet<string>): Change | null {
  const put = marks.find(({ id, label }) => !refused.has(`${id} ${label}`) && known.get(id)?.label !== label);
  if (put) return { put };
  const remove = [...known.keys()].find((id) => !refused.has(id) && !marks.some((mark) => mark.id === id));
  return remove === undefined ? null : { remove };
}

/** Whether the same request may succeed later. */
export function isTemporary(error: unknown): boolean {
  return error instanceof Problem && (error.status === 0 || error.status === 408 || error.status >= 500 || error.code === "rate_limited");
}

const [FIRST_PAUSE, LONGEST_PAUSE] = [1000, 30_000];

export class Keeper {
  /** Why something is not saved yet; empty while all is. */
  readonly problem = signal("");
  readonly loaded = signal(false);
  private readonly known = new Map<string, Measurement>();
  private readonly refused = new Set<string>();
  private running = false;
  private closed = false;
  private readonly end: () => void;

  constructor(
    private readonly id: string,
    private readonly view: SliceView,
  ) {
    this.end = effect(() => {
      void view.marks.value;
      void this.run();
    });
  }

  /** Lets what is not saved yet have one more try. */
  close(): void {
    this.closed = true;
    this.end();
  }

  private async run(): Promise<void> {
    if (this.running) return;
    this.running = true;
    let pause = FIRST_PAUSE;
    while (await this.isBehind()) {
      if (this.closed) {
        failure(new Error(this.problem.peek() || t("A measurement was not saved.")));
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
      pause = Math.min(2 * pause, LONGEST_PAUSE);
    }
    this.running = false;
  }

  /** Does all that there is to do; true if something is left for later. */
  private async isBehind(): Promise<boolean> {
    try {
      if (!this.loaded.peek()) await this.load();
      for (;;) {
        const change = mayWrite() ? changeOf(this.view.marks.peek(), this.known, this.refused) : null;
        if (!change) break;
        await this.send(change);
      }
      this.problem.value = "";
      return false;
    } catch (error) {
      if (!isTemporary(error)) {
        this.problem.value = sentence(error);
        return false;
      }
      const what = this.loaded.peek() ? t("Measurements are not saved yet. Trying again.") : t("Measurements can't be loaded yet. Trying again.");
      this.problem.value = `${what} ${sentence(error)}`;
      return true;
    }
  }

  private async load(): Promise<void> {
    const found = await api.measurements(this.id);
    const { marks } = this.view;
    for (const one of found) this.known.set(one.id, one);
    const drawn = marks.peek().filter(({ id }) => !this.known.has(id));
    marks.value = [...found.map((one) => markOf(this.view, one)), ...drawn];
    this.loaded.value = true;
  }

  private async send(change: Change): Promise<void> {
    try {
      if ("put" in change) await this.put(change.put);
      else await this.remove(change.remove);
    } catch (error) {
      if (isTemporary(error)) throw error;
      this.refused.add("put" in change ? `${change.put.id} ${change.put.label}` : change.remove);
      if (error instanceof Problem && error.code === "measurement_changed" && "put" in change) return this.takeOther(change.put.id);
      failure(new Error(`${t("A measurement was not saved.")} ${sentence(error)}`));
    }
  }

  private async put(mark: Mark): Promise<void> {
    const saved = await api.measure(this.id, mark.id, bodyOf(this.view, mark), this.known.get(mark.id)?.etag);
    this.known.set(mark.id, saved);
  }

  private async remove(id: string): Promise<void> {
    await api.unmeasure(this.id, id).catch((error: unknown) => {
      if (!(error instanceof Problem) || error.status !== 404) throw error;
    });
    this.known.delete(id);
  }

  /** Shows a measurement as somebody else left it. */
  private async takeOther(id: string): Promise<void> {
    const other = (await api.measurements(this.id)).find((one) => one.id === id);
    if (!other) return;
    this.known.set(id, other);
    this.view.rename(id, other.label);
    failure(new Error(t("Somebody else changed this measurement meanwhile. It is shown as it is now.")));
  }
}
