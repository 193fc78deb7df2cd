/** Measuring in the headset: two presses on organs give a length, which the board and a label say. */
import { signal } from "@preact/signals";
import type { Vector3 } from "three";
import { t } from "../core/language";
import type { OrganStage } from "../scene/stage";
import type { Row } from "./cells";

export class HeadsetMeasure {
  readonly isOn = signal(false);
  /** Points that were set, so that the board says the next step. */
  private readonly points = signal(0);

  constructor(private readonly stage: OrganStage) {}

  /** Takes a point in metres of the patient; a third one begins again. */
  take(point: Vector3): void {
    this.stage.measure.take(point);
    this.points.value = (this.points.peek() % 2) + 1;
  }

  /** None while the organs are apart: their distances would be wrong. */
  rows(): Row[] {
    if (this.stage.apart.value > 0) return [];
    const set = this.points.value;
    const { length } = this.stage.measure;
    const open = this.isOn.value ? (set === 1 ? t("second point") : t("first point")) : t("off");
    const detail = set === 2 && length !== null ? `${length.toFixed(1)} mm` : open;
    const rows: Row[] = [{ id: "measure", text: t("Measure"), detail, isHalf: set > 0, isNewLine: true, act: () => this.toggle() }];
    if (set > 0) rows.push({ id: "clear", text: t("Clear"), isHalf: true, act: () => this.clear() });
    return rows;
  }

  /** What was measured on the page before has another number of points. */
  private toggle(): void {
    if (!this.isOn.peek() && this.points.peek() === 0) this.stage.measure.reset();
    this.isOn.value = !this.isOn.peek();
  }

  private clear(): void {
    this.stage.measure.reset();
    this.points.value = 0;
  }
}
