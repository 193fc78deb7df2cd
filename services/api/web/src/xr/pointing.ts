/** What a pointer's ray meets first: a row of the board, a handle, an organ, or nothing. */
import type { Vector3 } from "three";
import type { OrganStage } from "../scene/stage";
import type { Board } from "./board";
import type { Pointer } from "./hands";
import type { Handle } from "./holds";

export interface Aim {
  organ: string | null;
  /** -1 where no row is. */
  row: number;
  handle: Handle | null;
  /** How far the ray is drawn. */
  distance: number;
  /** Where on the organ, in the world. */
  point?: Vector3;
}
export const NOTHING: Aim = { organ: null, row: -1, handle: null, distance: 1.2 };

export function aimOf({ source, caster }: Pointer, board: Board, handles: readonly Handle[], stage: OrganStage): Aim {
  if (!source) return NOTHING;
  const row = board.hit(caster);
  const [handle, ball] = nearest(handles, caster);
  const organ = stage.hit(caster);
  const first = Math.min(ball, organ?.distance ?? Infinity);
  if (row && (board.isOver || row.distance < first)) return { ...NOTHING, row: row.row, distance: row.distance };
  if (first === Infinity) return NOTHING;
  if (ball === first) return { ...NOTHING, handle, distance: ball };
  return { ...NOTHING, organ: organ?.object.name ?? null, distance: first, ...(organ ? { point: organ.point } : {}) };
}

function nearest(handles: readonly Handle[], caster: Pointer["caster"]): [Handle | null, number] {
  const hits = handles.map((handle): [Handle | null, number] => [handle, handle.hit(caster)]);
  return hits.reduce((a, b) => (b[1] < a[1] ? b : a), [null, Infinity]);
}
