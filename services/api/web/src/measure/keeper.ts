/** Keeps what people add to a result on the server: loads it, and saves every change, again and again until it works. */
import { effect, signal } from "@preact/signals";
import { Problem, sentence } from "../core/api";
import { t } from "../core/language";
import { mayWrite } from "../core/session";
import { failure } from "../ui/status";
import type { Item, Saved, Shelf } from "./shelves";

/** What of the server a change makes different. */
type Change<One> = { put: One } | { remove: string };

export function changeOf<One extends Item>(items: readonly One[], known: ReadonlyMap<string, Item>, refused: ReadonlySet<string>): Change<One> | null {
  const put = items.find(({ id, label }) => !refused.has(`${id} ${label}`) && known.get(id)?.label !== label);
  if (put) return { put };
  const remove = [...known.keys()].find((id) => !refused.has(id) && !items.some((item) => item.id === id));
  return remove === undefined ? null : { remove };
}

/** Whether the same request may succeed later. */
export function isTemporary(error: unknown): boolean {
  return error instanceof Problem && (error.status === 0 || error.status === 408 || error.status >= 500 || error.code === "rate_limited");
}

const [FIRST_PAUSE, LONGEST_PAUSE] = [1000, 30_000];

export class Keeper<One extends Item = Item, Stored extends Saved = Saved> {
  /** Why something is not saved yet; empty while all is. */
  readonly problem = signal("");
  readonly loaded = signal(false);
  private readonly known = new Map<string, Stored>();
  private readonly refused = new Set<string>();
  private running = false;
  private closed = false;
  private readonly end: () => void;

  constructor(private readonly shelf: Shelf<One, Stored>) {
    this.end = effect(() => {
      void shelf.items.value;
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
        failure(new Error(this.problem.peek() || t(this.shelf.words.failed)));
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
        const change = mayWrite() ? changeOf(this.shelf.items.peek(), this.known, this.refused) : null;
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
      const { unsaved, unloaded } = this.shelf.words;
      const what = t(this.loaded.peek() ? unsaved : unloaded);
      this.problem.value = `${what} ${sentence(error)}`;
      return true;
    }
  }

  private async load(): Promise<void> {
    const found = await this.shelf.list();
    const { items } = this.shelf;
    for (const one of found) this.known.set(one.id, one);
    const added = items.peek().filter(({ id }) => !this.known.has(id));
    items.value = [...found.map((one) => this.shelf.itemOf(one)), ...added];
    this.loaded.value = true;
  }

  private async send(change: Change<One>): Promise<void> {
    try {
      if ("put" in change) await this.put(change.put);
      else await this.remove(change.remove);
    } catch (error) {
      if (isTemporary(error)) throw error;
      this.refused.add("put" in change ? `${change.put.id} ${change.put.label}` : change.remove);
      if (error instanceof Problem && error.status === 412 && "put" in change) return this.takeOther(change.put.id);
      failure(new Error(`${t(this.shelf.words.failed)} ${sentence(error)}`));
    }
  }

  private async put(item: One): Promise<void> {
    const saved = await this.shelf.put(item, this.known.get(item.id)?.etag);
    this.known.set(item.id, saved);
  }

  private async remove(id: string): Promise<void> {
    await this.shelf.drop(id).catch((error: unknown) => {
      if (!(error instanceof Problem) || error.status !== 404) throw error;
    });
    this.known.delete(id);
  }

  /** Shows what somebody else made of it. */
  private async takeOther(id: string): Promise<void> {
    const other = (await this.shelf.list()).find((one) => one.id === id);
    if (!other) return;
    this.known.set(id, other);
    const { items } = this.shelf;
    items.value = items.peek().map((item) => (item.id === id ? { ...item, label: other.label } : item));
    failure(new Error(t(this.shelf.words.changed)));
  }
}
