/** A distance between two points on surfaces, in patient millimetres. */
import { BufferGeometry, Group, Line, LineBasicMaterial, Mesh, MeshBasicMaterial, SphereGeometry, type Vector3 } from "three";
import { TextSprite } from "./text";

export class Measure extends Group {
  private readonly points: Vector3[] = [];
  private readonly dots: Mesh[] = [];
  private readonly line = new Line(new BufferGeometry(), new LineBasicMaterial({ color: 0xffffff, depthTest: false }));
  private readonly label = new TextSprite({ ink: "#fff", ground: "rgba(10, 14, 18, 0.85)", height: 0.012 });

  constructor() {
    super();
    const shape = new SphereGeometry(0.0022, 16, 12);
    for (let at = 0; at < 2; at += 1) {
      const dot = new Mesh(shape, new MeshBasicMaterial({ color: 0xffffff, depthTest: false }));
      dot.raycast = () => undefined;
      dot.renderOrder = 9;
      this.dots.push(dot);
    }
    this.line.renderOrder = 9;
    this.line.raycast = () => undefined;
    this.add(...this.dots, this.line, this.label);
    this.reset();
  }

  /** Millimetres between the two points, null while there is at most one. */
  get length(): number | null {
    const [a, b] = this.points;
    return a && b ? a.distanceTo(b) * 1000 : null;
  }

  /** Takes a point in metres; a third one starts anew. */
  take(point: Vector3): void {
    if (this.points.length === 2) this.reset();
    this.points.push(point.clone());
    this.points.forEach((at, number) => {
      this.dots[number]?.position.copy(at);
      if (this.dots[number]) this.dots[number].visible = true;
    });
    const [a, b] = this.points;
    if (!a || !b) return;
    this.line.geometry.setFromPoints([a, b]);
    this.label.set(`${(this.length ?? 0).toFixed(1)} mm`);
    this.label.position.copy(a).add(b).multiplyScalar(0.5);
    this.line.visible = this.label.visible = true;
  }

  reset(): void {
    this.points.length = 0;
    for (const dot of this.dots) dot.visible = false;
    this.line.visible = this.label.visible = false;
  }
}
