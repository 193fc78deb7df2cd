/** What the scene holds, for tests and for the curious: `viscera.scene()` in the browser's console. Reading changes nothing. */
import { Box3, Vector3 } from "three";
import type { ResultState } from "../job/state";
import type { OrganStage } from "./stage";

export interface Snapshot {
  organs: { name: string; visible: boolean; opacity: number; low: number[]; high: number[]; screen: number[] }[];
  selected: string | null;
  place: number[] | null;
  plane: number[][] | null;
  centre: number[];
  measured: number | null;
  clip: { on: boolean; normal: number[]; constant: number; caps: number };
  xray: boolean;
  apart: number;
  root: { position: number[]; rotation: number[]; scale: number };
  triangles: number;
  calls: number;
  xr: unknown;
}

declare global {
  interface Window {
    viscera?: { scene: () => Snapshot };
  }
}

/** What the headset mode adds to a snapshot while it is on. */
export const headset: { snapshot: (() => unknown) | null } = { snapshot: null };

export function expose(stage: OrganStage, state: ResultState): () => void {
  window.viscera = { scene: () => snapshot(stage, state) };
  return () => {
    delete window.viscera;
  };
}

function snapshot(stage: OrganStage, state: ResultState): Snapshot {
  const { root, clip } = stage;
  return {
    organs: stage.organs.map((mesh) => {
      const box = new Box3().setFromObject(mesh);
      const seen = box.getCenter(new Vector3()).project(stage.camera);
      return {
        name: mesh.name,
        visible: mesh.visible,
        opacity: mesh.material.opacity,
        low: box.min.toArray(),
        high: box.max.toArray(),
        screen: [((seen.x + 1) / 2) * stage.canvas.clientWidth, ((1 - seen.y) / 2) * stage.canvas.clientHeight],
      };
    }),
    selected: state.selected.peek(),
    place: state.place.peek(),
    plane: stage.plane.corners,
    centre: stage.centre,
    measured: stage.measure.length,
    clip: { on: clip.on, normal: clip.local.normal.toArray(), constant: clip.local.constant, caps: stage.caps.shown },
    xray: stage.xray,
    apart: stage.apart.peek(),
    root: { position: root.position.toArray(), rotation: root.quaternion.toArray(), scale: root.scale.x },
    triangles: stage.triangles,
    calls: stage.renderer.info.render.calls,
    xr: headset.snapshot?.() ?? null,
  };
}
