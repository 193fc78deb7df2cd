/** A lesson: names hidden or shown, and a short quiz, "find the stomach", in the page or in a headset. */
import { signal } from "@preact/signals";
import { t } from "../core/language";

export interface Asked {
  name: string;
  title: string;
}

export class Lesson {
  readonly names = signal(true);
  readonly asked = signal<Asked | null>(null);
  readonly told = signal("");
  readonly right = signal(0);
  readonly wrong = signal(0);
  private left: Asked[] = [];

  /** `shuffle` orders the questions; each organ is asked for `rounds` times. */
  constructor(
    private readonly organs: readonly Asked[],
    private readonly rounds = 2,
    private readonly shuffle: <T>(items: T[]) => T[] = shuffled,
  ) {}

  get total(): number {
    return this.organs.length * this.rounds;
  }

  start(): void {
    this.names.value = false;
    this.right.value = this.wrong.value = 0;
    this.told.value = "";
    this.left = Array.from({ length: this.rounds }, () => this.shuffle([...this.organs])).flat();
    this.ask();
  }

  /** Takes an organ as the answer; false while nothing is asked. */
  answer(name: string): boolean {
    const asked = this.asked.value;
    if (!asked) return false;
    if (name === asked.name) {
      this.right.value += 1;
      this.told.value = t("Yes, that is the {organ}.", { organ: asked.title.toLowerCase() });
      this.ask();
    } else {
      this.wrong.value += 1;
      const title = this.organs.find((organ) => organ.name === name)?.title ?? "–";
      this.told.value = t("No, that is the {organ}. Look again for the {asked}.", { organ: title.toLowerCase(), asked: asked.title.toLowerCase() });
    }
    return true;
  }

  stop(): void {
    this.asked.value = null;
    this.names.value = true;
  }

  private summary(): string {
    const values = { right: this.right.value, wrong: this.wrong.value };
    return values.wrong === 1 ? t("Done: {right} found, 1 wrong try.", values) : t("Done: {right} found, {wrong} wrong tries.", values);
  }

  private ask(): void {
    const next = this.left.shift() ?? null;
    this.asked.value = next;
    if (next) return;
    this.names.value = true;
    this.told.value += ` ${this.summary()}`;
  }
}

function shuffled<T>(items: T[]): T[] {
  for (let at = items.length - 1; at > 0; at -= 1) {
    const other = Math.floor(Math.random() * (at + 1));
    [items[at], items[other]] = [items[other] as T, items[at] as T];
  }
  return items;
}
