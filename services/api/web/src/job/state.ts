/** What both views of a result share: which organs are shown and how, which one is chosen, and the place looked at. */
import { batch, type Signal, signal } from "@preact/signals";
import type { Orientation, Vector } from "../core/geometry";
import { colourOf } from "../core/organs";
import { organVolume } from "../core/words";
import type { Lesson } from "../learn/lesson";
import type { OrganReport, Report } from "../core/types";

/** Three greys, so that parts which touch are seen apart. */
const GREYS: [number, number, number][] = [
  [168, 164, 158],
  [190, 186, 180],
  [146, 142, 137],
];

export interface OrganState {
  readonly report: OrganReport;
  readonly name: string;
  readonly label: number;
  readonly title: string;
  readonly colour: [number, number, number];
  readonly visible: Signal<boolean>;
  readonly opacity: Signal<number>;
}

function organsOf(report: Report, before: readonly OrganState[]): OrganState[] {
  return report.organs
    .filter((organ) => organ.present)
    .map((organ) => {
      const known = before.find(({ name }) => name === organ.name);
      return {
        report: organ,
        name: organ.name,
        label: organ.label,
        title: organ.title,
        colour: colourOf(organ),
        visible: known?.visible ?? signal(true),
        opacity: known?.opacity ?? signal(1),
      };
    });
}

export class ResultState {
  private readonly shown: Signal<{ report: Report; organs: OrganState[] }>;
  readonly selected = signal<string | null>(null);
  /** The place both views look at, patient LPS mm. */
  readonly place = signal<Vector | null>(null);
  /** The slice shown inside the scene. */
  readonly plane = signal<Orientation | "none">("axial");
  /** Grey levels from black to white, in the scan's own units. */
  readonly window = signal<[number, number] | null>(null);

  /** What the headset's board shows of many organs: a group, or null for the list of groups, and which page of it. */
  readonly boardAt = signal<{ group: string | null; page: number }>({ group: null, page: 0 });

  /** The lesson that runs on this result, which may hide the organs' names. */
  readonly lesson = signal<Lesson | null>(null);

  constructor(report: Report) {
    this.shown = signal({ report, organs: organsOf(report, []) });
  }

  get report(): Report {
    return this.shown.value.report;
  }

  get organs(): OrganState[] {
    return this.shown.value.organs;
  }

  /** The version of the result that is shown; 1 is the algorithm's. */
  get revision(): number {
    return this.report.revision ?? 1;
  }

  /** Shows another version of the result; how its organs are shown stays. */
  update(report: Report): void {
    const organs = organsOf(report, this.shown.peek().organs);
    batch(() => {
      this.shown.value = { report, organs };
      if (!organs.some(({ name }) => name === this.selected.peek())) this.selected.value = null;
    });
  }

  organ(name: string | null): OrganState | undefined {
    return this.organs.find((organ) => organ.name === name);
  }

  /** Whether a lesson hides names and colours. */
  get isSecret(): boolean {
    return this.lesson.value?.names.value === false;
  }

  /** The colour an organ has now: while a lesson hides it a grey, which says nothing but where the next part begins. */
  colourOf(organ: OrganState): [number, number, number] {
    return this.isSecret ? (GREYS[organ.label % GREYS.length] ?? organ.colour) : organ.colour;
  }

  /** Whether an organ is marked: chosen, or what the open question is about. */
  isMarked(name: string): boolean {
    return this.selected.value === name || this.lesson.value?.asked.value?.about === name;
  }

  /** What may be said of an organ: nothing while a lesson hides the names. */
  spoken(name: string): { title: string; volume: string } | null {
    const organ = this.organ(name);
    if (!organ || this.isSecret) return null;
    return { title: organ.title, volume: organVolume(organ.report) };
  }

  byLabel(label: number): OrganState | undefined {
    return this.organs.find((organ) => organ.label === label);
  }

  toggle(name: string): void {
    const organ = this.organ(name);
    if (organ) organ.visible.value = !organ.visible.value;
  }

  showAll(on: boolean): void {
    this.showSome(this.organs, on);
  }

  showSome(organs: readonly OrganState[], on: boolean): void {
    batch(() => organs.forEach((organ) => (organ.visible.value = on)));
  }

  /** Shows this organ alone; a second time shows all of them. */
  isolate(name: string): void {
    const alone = this.organs.every((organ) => organ.visible.peek() === (organ.name === name));
    batch(() => this.organs.forEach((organ) => (organ.visible.value = alone || organ.name === name)));
    this.selected.value = name;
  }
}
