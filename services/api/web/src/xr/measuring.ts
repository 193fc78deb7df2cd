/** Measuring in the headset: two presses on organs give a length, which the board and a label say. */
import { signal } from "@preact/signals";
import type { Camera, Vector3 } from "three";
import { t } from "../core/language";
import type { OrganStage } from "../scene/stage";
import type { Row } from "./cells";

/** A pixel of the page's labels, as an angle at the eye in radians: their letters have one degree. */
const PIXEL = 0.0012;

export class HeadsetMeasure {
  readonly isOn = signal(false);
  /** Whether the length that was measured last is of this measuring. */
  private readonly isMine = signal(false);

  constructor(private readonly stage: OrganStage) {}

  /** Takes a point in metres of the patient; a third one begins the next length. */
  take(point: Vector3): void {
    this.isMine.value = true;
    this.stage.measure.take(point);
  }

  face(camera: Camera): void {
    this.stage.measure.face(camera, PIXEL);
  }

  /** None while the organs are apart: their distances would be wrong. */
  rows(): Row[] {
    if (this.stage.apart.value > 0) return [];
    const { measure } = this.stage;
    const [isOpen, count] = [measure.draft.value !== null, measure.marks.value.length];
    const length = this.isMine.value && !isOpen && count > 0 ? measure.length : null;
    const next = isOpen ? t("second point") : t("first point");
    const said = length === null ? next : `${length.toFixed(1)} mm`;
    const hasPoint = isOpen || length !== null;
    const detail = this.isOn.value || length !== null ? said : t("off");
    const rows: Row[] = [{ id: "measure", text: t("Measure"), detail, isHalf: hasPoint, isNewLine: true, act: () => this.toggle() }];
    if (hasPoint) rows.push({ id: "clear", text: t("Clear"), isHalf: true, act: () => this.clear(isOpen) });
    return rows;
  }

  /** What the page was about to make is dropped: here it is a length. */
  private toggle(): void {
    this.stage.measure.use(null);
    this.isOn.value = !this.isOn.peek();
  }

  private clear(isOpen: boolean): void {
    if (isOpen) this.stage.measure.reset();
    else this.stage.measure.removeLast();
    this.isMine.value = false;
  }
}
