/** How measurements and arrows look in the scene: lines, dots, heads and captions of the same size at every distance. */
import { type Camera, ConeGeometry, Group, type Material, Mesh, MeshBasicMaterial, type Object3D, SphereGeometry, Sprite, Vector3 } from "three";
import { Line2 } from "three/addons/lines/Line2.js";
import { LineGeometry } from "three/addons/lines/LineGeometry.js";
import { LineMaterial } from "three/addons/lines/LineMaterial.js";
import { captionOf, captionPlace, type SurfaceMark, type SurfaceShape } from "./marks";
import { TextSprite } from "./text";
import type { Vector } from "../core/geometry";

type Place = (point: Vector) => Vector3;
/** Lines through tissue are seen; behind those of one colour are darker ones, so that they stand out from every organ. */
const THROUGH = { depthTest: false, depthWrite: false, transparent: true };
const WHITE = 0xffffff;
const DARK = 0x0a0e12;
const CHOSEN = 0xf0c95c;
/** Pixels. */
const [LINE, EDGE, DOT, TEXT] = [2, 4.5, 4, 19];

const ball = new SphereGeometry(1, 16, 12);
const cone = new ConeGeometry(5.5, 16, 20).translate(0, -8, 0);

export class MarkDrawing extends Group {
  /** The size of a pixel at the model, in metres. */
  pixel = 0.0003;
  /** What has its size in pixels. */
  private sized: Object3D[] = [];

  /** Draws these shapes instead of those before. */
  set(marks: readonly SurfaceMark[], draft: SurfaceShape | null, chosen: string | null, place: Place): void {
    this.clear();
    for (const mark of marks) this.draw(mark, mark.label, mark.id === chosen ? CHOSEN : WHITE, place);
    if (draft) this.draw(draft, "", CHOSEN, place);
    this.traverse((object) => (object.raycast = () => undefined));
  }

  override clear(): this {
    this.traverse((object) => {
      if (object instanceof Line2) object.geometry.dispose();
      if (object instanceof TextSprite) object.material.map?.dispose();
      if (object instanceof Mesh || object instanceof Sprite) (object.material as Material).dispose();
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

  private draw(shape: SurfaceShape, label: string, colour: number, place: Place): void {
    const points = shape.points.map(place);
    const [first, second] = points;
    if (!first) return;
    if (shape.kind === "arrow") {
      if (second) this.addArrow(first, second, colour);
    } else {
      if (second) this.addLine(shape.kind === "polygon" && points.length > 2 ? [...points, first] : points, colour);
      for (const point of points) this.addDot(point, colour);
    }
    const caption = captionOf(shape, label);
    if (caption) this.addCaption(caption, place(captionPlace(shape)), shape.kind === "arrow");
  }

  private addLine(points: readonly Vector3[], colour: number): void {
    const geometry = new LineGeometry().setFromPoints([...points]);
    for (const [color, linewidth, order] of [[DARK, EDGE, 8], [colour, LINE, 9]] as const) {
      const line = new Line2(geometry, new LineMaterial({ color, linewidth, ...THROUGH }));
      line.renderOrder = order;
      this.add(line);
    }
  }

  private addDot(point: Vector3, colour: number): void {
    for (const [color, radius, order] of [[DARK, DOT + 1.5, 8], [colour, DOT, 9]] as const) {
      const dot = new Mesh(ball, new MeshBasicMaterial({ color, ...THROUGH }));
      dot.renderOrder = order;
      dot.scale.setScalar(radius);
      this.addSized(dot, point);
    }
  }

  /** It stands before its surface, and organs before it hide it. */
  private addArrow(tip: Vector3, tail: Vector3, colour: number): void {
    const shaft = new Line2(new LineGeometry().setFromPoints([tail, tip]), new LineMaterial({ color: colour, linewidth: 3 }));
    const head = new Mesh(cone, new MeshBasicMaterial({ color: colour }));
    head.quaternion.setFromUnitVectors(new Vector3(0, 1, 0), tip.clone().sub(tail).normalize());
    this.add(shaft);
    this.addSized(head, tip);
  }

  /** A caption of an arrow that is behind an organ is seen faintly. */
  private addCaption(text: string, point: Vector3, hides: boolean): void {
    const sprite = new TextSprite({ ink: "#fff", ground: "rgba(10, 14, 18, 0.85)", height: TEXT });
    sprite.set(text);
    sprite.center.set(0.5, -0.45);
    if (hides) {
      const ghost = new Sprite(sprite.material.clone());
      ghost.material.opacity = 0.3;
      ghost.scale.copy(sprite.scale);
      ghost.center.copy(sprite.center);
      ghost.renderOrder = 9;
      sprite.material.depthTest = true;
      this.addSized(ghost, point);
    }
    this.addSized(sprite, point);
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
