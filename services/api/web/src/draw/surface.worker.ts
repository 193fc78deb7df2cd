/** Makes surfaces away from the page's own thread. */
import type { Vector } from "../core/geometry";
import { type Labels, type Surface, surface } from "../early/nets";

export interface SurfaceRequest {
  /** Grows with each change of the drawing: an answer to an earlier one is out of date. */
  change: number;
  label: number;
  labels: Labels;
  centre: Vector;
}
export type SurfaceAnswer = Surface & Pick<SurfaceRequest, "change" | "label">;

onmessage = ({ data: { change, label, labels, centre } }: MessageEvent<SurfaceRequest>): void => {
  const made = surface(labels, label, centre);
  const answer: SurfaceAnswer = { ...made, change, label };
  postMessage(answer, { transfer: [made.positions.buffer, made.triangles.buffer] });
};
