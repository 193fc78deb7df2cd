/** How measurements and arrows look in the scene: lines, dots, heads and captions of the same size at every distance. */
import {
  BufferGeometry,
  type Camera,
  CanvasTexture,
  Color,
  ConeGeometry,
  Float32BufferAttribute,
  Group,
  Mesh,
  MeshBasicMaterial,
  type Object3D,
  Points,
  PointsMaterial,
  Vector3,
} from "three";
import { LineMaterial } from "three/addons/lines/LineMaterial.js";
import { LineSegments2 } from "three/addons/lines/LineSegments2.js";
import { LineSegmentsGeometry } from "three/addons/lines/LineSegmentsGeometry.js";
import type { Vector } from "../core/geometry";
import { captionOf, captionPlace, type SurfaceMark, type SurfaceShape } from "./marks";
import { TextSprite } from "./text";

type Place = (point: Vector) => Vector3;
/** Seen through tissue. */
const THROUGH = { depthTest: false, depthWrite: false, transparent: true };
const [WHITE, CHOSEN, DARK] = [new Color(0xffffff), new Color(0xf0c95c), new Color(0x0a0e12)];
/** Pixels. Behind a line is a wider dark one, so that it stands out from every organ. */
const [LINE, EDGE, SHAFT, DOT, TEXT] = [2, 4.5, 3, 12, 19];

/** Places with a colour each; all lines are drawn at once, and all dots. */
class Coloured {
  readonly places: number[] = [];
  readonly colours: number[] = [];

  add(colour: Color, ...points: Vector3[]): void {
    for (const point of points) {
      this.places.push(...point.toArray());
      this.colours.push(...colour.toArray());
    }
  }
}

export class MarkDrawing extends Group {
  /** The size of a pixel at the model, in metres. */
  pixel = 0.0003;
  /** What has its size in pixels. */
  private sized: Object3D[] = [];

  /** Draws these marks instead of those before. */
  set(marks: readonly SurfaceMark[], chosen: string | null, place: Place): void {
    this.clear();
    const [lines, shafts, dots] = [new Coloured(), new Coloured(), new Coloured()];
    for (const mark of marks) {
      const [points, colour] = [mark.points.map(place), mark.id === chosen ? CHOSEN : WHITE];
      if (mark.kind === "arrow") this.addArrow(points, colour, shafts);
      else {
        lines.add(colour, ...sidesOf(mark, points));
        dots.add(colour, ...points);
      }
      const caption = captionOf(mark, mark.label);
      if (caption) this.addCaption(caption, place(captionPlace(mark)), mark.kind === "arrow");
    }
    this.addLines(lines, shafts);
    if (dots.places.length > 0) this.add(dotsOf(dots));
    this.traverse((object) => (object.raycast = () => undefined));
  }

  override clear(): this {
    this.traverse((object) => {
      if (object instanceof LineSegments2 || object instanceof Points) object.geometry.dispose();
      if (object instanceof TextSprite) object.material.map?.dispose();
      if (object instanceof Mesh || object instanceof Points) (object.material as MeshBasicMaterial).dispose();
    });
    this.sized = [];
    return super.clear();
  }

  face(camera: Camera, pixel: number): void {
    const [eye, at, scale] = [new Vector3().setFromMatrixPosition(camera.matrixWorld), new Vector3(), new Vector3()];
    this.updateWorldMatrix(true, true);
    const root = scale.setFromMatrixScale(this.matrixWorld).x || 1;
    for (const object of this.sized) object.scale.setScalar((at.setFromMatrixPosition(object.matrixWorld).distanceTo(eye) * pixel) / root);
    this.pixel = (this.getWorldPosition(at).distanceTo(eye) * pixel) / root;
  }

  private addLines(lines: Coloured, shafts: Coloured): void {
    if (lines.places.length > 0) {
      const edges = linesOf(lines, new LineMaterial({ color: DARK, linewidth: EDGE, ...THROUGH }));
      const above = linesOf(lines, new LineMaterial({ vertexColors: true, linewidth: LINE, ...THROUGH }));
      [edges.renderOrder, above.renderOrder] = [8, 9];
      this.add(edges, above);
    }
    if (shafts.places.length > 0) this.add(linesOf(shafts, new LineMaterial({ vertexColors: true, linewidth: SHAFT })));
  }

  /** It stands before its surface, and organs before it hide it. */
  private addArrow([tip, tail]: Vector3[], colour: Color, shafts: Coloured): void {
    if (!tip || !tail) return;
    shafts.add(colour, tail, tip);
    const head = new Mesh(cone(), new MeshBasicMaterial({ color: colour }));
    head.quaternion.setFromUnitVectors(new Vector3(0, 1, 0), tip.clone().sub(tail).normalize());
    this.addSized(head, tip);
  }

  /** A caption of an arrow that is behind an organ is seen faintly. */
  private addCaption(text: string, point: Vector3, hides: boolean): void {
    const label = captionLabel(text);
    if (hides) {
      const ghost = captionLabel(text);
      ghost.material.opacity = 0.3;
      ghost.renderOrder = 9;
      label.material.depthTest = true;
      this.addSized(ghost, point);
    }
    this.addSized(label, point);
  }

  private addSized(object: Object3D, point: Vector3): void {
    const holder = new Group();
    holder.position.copy(point);
    holder.scale.setScalar(this.pixel);
    holder.add(object);
    this.sized.push(holder);
    this.add(holder);
  }
}

/** Above its place, so that the place is seen. */
function captionLabel(text: string): TextSprite {
  const label = new TextSprite({ ink: "#fff", ground: "rgba(10, 14, 18, 0.85)", height: TEXT });
  label.set(text);
  label.lift = 0.95;
  return label;
}

/** Both ends of each side, one after the other; a polygon is closed. */
function sidesOf({ kind }: SurfaceShape, points: readonly Vector3[]): Vector3[] {
  const [first] = points;
  const around = kind === "polygon" && points.length > 2 && first ? [...points, first] : points;
  return around.slice(1).flatMap((point, at) => [around[at] ?? point, point]);
}

function linesOf({ places, colours }: Coloured, material: LineMaterial): LineSegments2 {
  return new LineSegments2(new LineSegmentsGeometry().setPositions(places).setColors(colours), material);
}

function dotsOf({ places, colours }: Coloured): Points {
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new Float32BufferAttribute(places, 3));
  geometry.setAttribute("color", new Float32BufferAttribute(colours, 3));
  const dots = new Points(geometry, new PointsMaterial({ size: DOT, sizeAttenuation: false, vertexColors: true, map: disc(), ...THROUGH }));
  dots.renderOrder = 9;
  return dots;
}

let shape: ConeGeometry | null = null;

function cone(): ConeGeometry {
  return (shape ??= new ConeGeometry(5.5, 16, 20).translate(0, -8, 0));
}

let picture: CanvasTexture | null = null;

/** A white disc with a dark edge. */
function disc(): CanvasTexture {
  if (picture) return picture;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 48;
  const context = canvas.getContext("2d");
  for (const [fill, radius] of [["#0a0e12", 22], ["#fff", 15]] as const) {
    if (!context) break;
    context.fillStyle = fill;
    context.beginPath();
    context.arc(24, 24, radius, 0, 2 * Math.PI);
    context.fill();
  }
  return (picture = new CanvasTexture(canvas));
}
