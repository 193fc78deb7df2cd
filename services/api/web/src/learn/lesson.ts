/** A lesson: questions about organs whose names and colours are hidden, in the page or in a headset. */
import { computed, signal } from "@preact/signals";
import { t } from "../core/language";
import type { Choice, Question } from "./questions";

export class Lesson {
  /** Whether names and colours are shown. */
  readonly names = signal(true);
  readonly asked = signal<Question | null>(null);
  readonly said = signal("");
  /** Questions answered at the first try, questions that are done, and wrong tries. */
  readonly first = signal(0);
  readonly done = signal(0);
  readonly wrong = signal(0);
  readonly total = signal(0);
  /** What the open question offers instead of organs. */
  readonly choices = computed<readonly Choice[] | null>(() => this.asked.value?.choices ?? null);
  private left: Question[] = [];
  private missed = false;

  /**
   * `questions` makes those of a round, `title` names a structure inside a sentence, `onEnd` receives how many of how
   * many questions were answered at the first try.
   */
  constructor(
    private readonly questions: () => Question[],
    private readonly title: (name: string) => string,
    private readonly onEnd: (first: number, total: number) => void = () => undefined,
  ) {}

  start(): void {
    this.left = this.questions();
    this.total.value = this.left.length;
    this.first.value = this.done.value = this.wrong.value = 0;
    this.said.value = "";
    this.names.value = false;
    this.ask();
  }

  /** Takes a structure or a choice as the answer; false while nothing is asked. */
  answer(name: string): boolean {
    const asked = this.asked.value;
    if (!asked) return false;
    if (asked.choices ? !asked.choices.some((choice) => choice.name === name) : name === asked.about) return true;
    if (asked.right.includes(name)) this.accept(asked, name);
    else this.reject(asked, name);
    return true;
  }

  /** Shows the answer and goes on; the question counts as not known. */
  skip(): void {
    const asked = this.asked.value;
    if (!asked) return;
    this.said.value = t("The answer was: {answer}.", { answer: asked.answer });
    this.done.value += 1;
    this.ask();
  }

  stop(): void {
    this.asked.value = null;
    this.names.value = true;
  }

  private accept(asked: Question, name: string): void {
    if (!this.missed) this.first.value += 1;
    this.done.value += 1;
    this.said.value = asked.choices ? t("Yes: {answer}.", { answer: asked.answer }) : t("Yes, that is the {organ}.", { organ: this.title(name) });
    this.ask();
  }

  private reject(asked: Question, name: string): void {
    this.missed = true;
    this.wrong.value += 1;
    this.said.value = asked.choices ? t("No, look again.") : t("No, that is the {organ}. Look again.", { organ: this.title(name) });
  }

  private ask(): void {
    const next = this.left.shift() ?? null;
    this.missed = false;
    this.asked.value = next;
    if (next) return;
    this.names.value = true;
    const values = { first: this.first.value, total: this.total.value };
    this.said.value += ` ${t("Done: {first} of {total} at the first try.", values)}`;
    this.onEnd(values.first, values.total);
  }
}
