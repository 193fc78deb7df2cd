/** What the scene holds, for tests and for the curious: `viscera.scene()` in the browser's console. Reading changes nothing. */
import { Box3, type BufferAttribute, type BufferGeometry, Vector3 } from "three";
import { toScene } from "../core/geometry";
import type { ResultState } from "../job/state";
import { valueOf } from "./marks";
import { type Memory, memoryOf } from "./memory";
import type { OrganStage } from "./stage";

export interface Snapshot {
  organs: { name: string; visible: boolean; opacity: number; low: number[]; high: number[]; screen: number[] }[];
  /** Quick surfaces of what is drawn: their boxes, and the volume that they enclose in mL. */
  draft: { name: string; low: number[]; high: number[]; volume: number }[];
  selected: string | null;
  place: number[] | null;
  plane: number[][] | null;
  centre: number[];
  measured: number | null;
  /** What was measured and marked on surfaces, patient LPS mm, and where on the canvas the points are, in pixels. */
  marks: { kind: string; label: string; points: number[][]; value: number | null; screen: number[][] }[];
  /** What is being measured, and where the crosshair of the keyboard is. */
  measuring: { kind: string; points: number[][] } | null;
  crosshair: number[] | null;
  camera: number[];
  clip: { on: boolean; normal: number[]; constant: number; caps: number };
  xray: boolean;
  apart: number;
  root: { position: number[]; rotation: number[]; scale: number };
  triangles: number;
  calls: number;
  memory: Memory;
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

/** A sixth of the sum of the triangles' determinants (divergence theorem), of metres in mL. */
function volumeOf(geometry: BufferGeometry): number {
  const [places, corners] = [geometry.getAttribute("position"), geometry.index];
  const at = (n: number): Vector3 => new Vector3().fromBufferAttribute(places, corners?.getX(n) ?? 0);
  let sum = 0;
  for (let n = 0; n < (corners?.count ?? 0); n += 3) sum += at(n).dot(at(n + 1).cross(at(n + 2)));
  return (sum / 6) * 1e6;
}

function onCanvas({ camera, canvas }: OrganStage, point: Vector3): number[] {
  camera.updateMatrixWorld();
  const seen = point.project(camera);
  return [((seen.x + 1) / 2) * canvas.clientWidth, ((1 - seen.y) / 2) * canvas.clientHeight];
}

function snapshot(stage: OrganStage, state: ResultState): Snapshot {
  const { root, clip } = stage;
  return {
    organs: stage.organs.map((mesh) => {
      const box = new Box3().setFromObject(mesh);
      return {
        name: mesh.name,
        visible: mesh.visible,
        opacity: mesh.material.opacity,
        low: box.min.toArray(),
        high: box.max.toArray(),
        screen: onCanvas(stage, box.getCenter(new Vector3())),
      };
    }),
    draft: stage.draft.meshes.map((mesh) => {
      const box = new Box3().setFromBufferAttribute(mesh.geometry.getAttribute("position") as BufferAttribute);
      return { name: mesh.name, low: box.min.toArray(), high: box.max.toArray(), volume: volumeOf(mesh.geometry) };
    }),
    selected: state.selected.peek(),
    place: state.place.peek(),
    plane: stage.plane.corners,
    centre: stage.centre,
    measured: stage.measure.length,
    marks: stage.measure.marks.peek().map((mark) => ({
      kind: mark.kind,
      label: mark.label,
      points: mark.points,
      value: valueOf(mark),
      screen: mark.points.map((point) => onCanvas(stage, stage.root.localToWorld(new Vector3(...toScene(point, stage.centre))))),
    })),
    measuring: stage.measure.draft.peek(),
    crosshair: stage.measure.crosshair.peek(),
    camera: stage.camera.position.toArray(),
    clip: { on: clip.on, normal: clip.local.normal.toArray(), constant: clip.local.constant, caps: stage.caps.shown },
    xray: stage.xray.peek(),
    apart: stage.apart.peek(),
    root: { position: root.position.toArray(), rotation: root.quaternion.toArray(), scale: root.scale.x },
    triangles: stage.triangles,
    calls: stage.renderer.info.render.calls,
    memory: memoryOf(stage.scene, stage.renderer),
    xr: headset.snapshot?.() ?? null,
  };
}
