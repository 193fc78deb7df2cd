/** Corrections in the headset: a tap on a part asks which organ it is, and the board has the answers. */
import { signal } from "@preact/signals";
import type { Vector3 } from "three";
import { toPatient, type Vector } from "../core/geometry";
import { t } from "../core/language";
import { colourOf, css } from "../core/organs";
import type { Corrections } from "../correct/corrections";
import type { SliceView } from "../slices/view";
import type { Row } from "./cells";

/** How far from the surface that was pointed at the organ's voxels are searched, in mm: the surface is smooth. */
const REACH_MM = 12;
/** Answers on the board at once, so that it stays as high as an arm reaches. */
const PAGE = 6;

interface Question {
  at: Vector;
  label: number;
  title: string;
}

export class HeadsetCorrections {
  readonly isOn = signal(false);
  private readonly question = signal<Question | null>(null);
  private readonly page = signal(0);
  /** What became of the last correction. */
  private readonly outcome = signal("");

  constructor(private readonly corrections: Corrections) {}

  /** Asks which organ the part is at a point of the model, in metres of the patient. */
  ask(name: string, point: Vector3): void {
    const [view, stage] = [this.corrections.slices.peek(), this.corrections.stage.peek()];
    const organ = this.corrections.state.organ(name);
    if (!view || !stage || !organ || this.corrections.busy.peek()) return;
    const voxel = view.toVoxel(toPatient(point.toArray(), stage.centre));
    const at = nearest(view, voxel, organ.label);
    this.page.value = 0;
    this.outcome.value = at ? "" : t("Point at another place of it.");
    this.question.value = at && { at, label: organ.label, title: organ.title };
    if (at) view.goTo(at);
  }

  /** The rows of the board: while something is asked the answers alone, else null. */
  answers(): Row[] | null {
    const question = this.question.value;
    if (!question) return null;
    const organs = this.corrections.state.report.organs.filter(({ label }) => label !== question.label);
    const pages = Math.ceil(organs.length / PAGE);
    const at = Math.min(this.page.value, Math.max(0, pages - 1));
    const rows: Row[] = [{ id: "part", text: t("Which organ is this part?"), detail: question.title }];
    for (const organ of organs.slice(at * PAGE, (at + 1) * PAGE)) {
      rows.push({ id: `label:${organ.label}`, text: organ.title, colour: css(colourOf(organ)), act: () => void this.choose(organ.label) });
    }
    if (pages > 1) rows.push({ id: "more", text: t("More"), detail: t("{part} of {whole}", { part: at + 1, whole: pages }), act: () => (this.page.value = (at + 1) % pages) });
    rows.push({ id: "label:0", text: t("Not an organ"), act: () => void this.choose(0) });
    rows.push({ id: "cancel", text: t("Cancel"), act: () => (this.question.value = null) });
    return rows;
  }

  /** The row that turns corrections on and off, and what is being done or was done. */
  rows(): Row[] {
    const detail = this.corrections.busy.value || this.outcome.value;
    return [{ id: "correct", text: t("Correct"), detail: detail || (this.isOn.value ? t("on") : t("off")), act: () => (this.isOn.value = !this.isOn.peek()) }];
  }

  private async choose(label: number): Promise<void> {
    const [question, before] = [this.question.peek(), this.corrections.state.revision];
    this.question.value = null;
    if (!question) return;
    await this.corrections.relabel(question, label, false);
    const { revision } = this.corrections.state;
    this.outcome.value = revision === before ? t("Not saved; the page says why.") : t("Saved as version {n}", { n: revision });
  }
}

/** The voxel of a label that is nearest to a place, within some mm. */
export function nearest(view: Pick<SliceView, "labelAt" | "volume">, place: Vector, label: number): Vector | null {
  const { spacing } = view.volume;
  const middle = place.map(Math.round) as Vector;
  const reach = spacing.map((side) => Math.ceil(REACH_MM / side)) as Vector;
  let found: Vector | null = null;
  let least = REACH_MM;
  for (let z = middle[2] - reach[2]; z <= middle[2] + reach[2]; z += 1) {
    for (let y = middle[1] - reach[1]; y <= middle[1] + reach[1]; y += 1) {
      for (let x = middle[0] - reach[0]; x <= middle[0] + reach[0]; x += 1) {
        const away = Math.hypot((x - place[0]) * spacing[0], (y - place[1]) * spacing[1], (z - place[2]) * spacing[2]);
        if (away > least || view.labelAt([x, y, z]) !== label) continue;
        [found, least] = [[x, y, z], away];
      }
    }
  }
  return found;
}
