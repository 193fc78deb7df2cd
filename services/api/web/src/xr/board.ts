/** A board beside the organs with rows to point at, drawn on one canvas so that it costs one draw call. */
import { CanvasTexture, Mesh, MeshBasicMaterial, PlaneGeometry, type Raycaster, SRGBColorSpace, Vector3 } from "three";
import { type Cell, cellAt, cellsOf, heightOf, LETTER, paintCell, ROW, rounded, type Row, WIDTH } from "./cells";
import type { Eye } from "./eye";
import { besideOrgans, BOARD_DISTANCE, inSight, isBeside, nearestToSight } from "./place";

const METRES = 0.36;
/** The board stays until its places are this far away, in metres: it should not follow every small movement. */
const LOOSE = 0.15;

export class Board extends Mesh<PlaneGeometry, MeshBasicMaterial> {
  cells: Cell[] = [];
  hovered = -1;
  private readonly canvas = document.createElement("canvas");

  constructor() {
    super(new PlaneGeometry(1, 1), new MeshBasicMaterial({ transparent: true, alphaTest: 0.5 }));
    this.renderOrder = 8;
  }

  /** The smallest letters, as an angle in radians at the eye that the board was placed for. */
  get letterAngle(): number {
    return (LETTER * METRES) / WIDTH / BOARD_DISTANCE;
  }

  /** Whether it is drawn over the organs: where they leave no place beside them, it must stay in reach. */
  get isOver(): boolean {
    return !this.material.depthTest;
  }

  set(rows: readonly Row[]): void {
    this.cells = cellsOf(rows);
    const height = heightOf(this.cells);
    if (height !== this.canvas.height || !this.material.map) {
      [this.canvas.width, this.canvas.height] = [WIDTH, height];
      this.material.map?.dispose();
      this.material.map = new CanvasTexture(this.canvas);
      this.material.map.colorSpace = SRGBColorSpace;
      this.material.needsUpdate = true;
      this.scale.set(METRES, (METRES * height) / WIDTH, 1);
    }
    this.paint();
  }

  /** Goes beside the organs, whose corners are `organs`; unless `must` is true only where it covers them or is far from there. */
  settle(organs: readonly Vector3[], eye: Eye, must: boolean): void {
    const places = besideOrgans(organs, eye, this.scale.x, this.scale.y);
    const isClear = places.length > 0;
    const isNear = isClear
      ? places.some((place) => place.distanceTo(this.position) < LOOSE) && isBeside(this.corners, organs, eye)
      : this.position.distanceTo(eye.at) < 1.5 * BOARD_DISTANCE;
    if (isNear && isClear === !this.isOver && !must) return;
    this.position.copy(nearestToSight(places, eye) ?? inSight(eye));
    this.material.depthTest = isClear;
    this.lookAt(eye.at);
    this.updateMatrixWorld(true);
  }

  get corners(): Vector3[] {
    return [-0.5, 0.5].flatMap((x) => [-0.5, 0.5].map((y) => this.localToWorld(new Vector3(x, y, 0))));
  }

  /** The row under a ray and its distance. */
  hit(caster: Raycaster): { row: number; distance: number } | null {
    const [first] = caster.intersectObject(this, false);
    if (!first?.uv) return null;
    const row = cellAt(this.cells, first.uv.x * WIDTH, (1 - first.uv.y) * this.canvas.height);
    return { row: this.cells[row]?.row.act ? row : -1, distance: first.distance };
  }

  press(row: number): void {
    this.cells[row]?.row.act?.();
  }

  hover(row: number): void {
    if (row === this.hovered) return;
    this.hovered = row;
    this.paint();
  }

  /** The middle of a row in the world. */
  middle({ left, top, width }: Cell): Vector3 {
    return this.localToWorld(new Vector3((left + width / 2) / WIDTH - 0.5, 0.5 - (top + ROW / 2) / this.canvas.height, 0));
  }

  private paint(): void {
    const context = this.canvas.getContext("2d");
    if (!context) return;
    context.clearRect(0, 0, WIDTH, this.canvas.height);
    context.fillStyle = "rgba(12, 24, 30, 0.94)";
    rounded(context, 0, 0, WIDTH, this.canvas.height, 32);
    this.cells.forEach((cell, at) => paintCell(context, cell, at === this.hovered));
    if (this.material.map) this.material.map.needsUpdate = true;
  }
}
