/** A board beside the organs with rows to point at, drawn on one canvas so that it costs one draw call. */
import { CanvasTexture, Mesh, MeshBasicMaterial, PlaneGeometry, type Raycaster, SRGBColorSpace, Vector3 } from "three";

export interface Row {
  id: string;
  text: string;
  detail?: string;
  on?: boolean;
  colour?: string;
  act?: () => void;
}

const WIDTH = 640;
const ROW = 84;
const METRES = 0.34;

export class Board extends Mesh<PlaneGeometry, MeshBasicMaterial> {
  rows: Row[] = [];
  hovered = -1;
  private readonly canvas = document.createElement("canvas");

  constructor() {
    super(new PlaneGeometry(1, 1), new MeshBasicMaterial({ transparent: true, depthTest: false }));
    this.renderOrder = 8;
  }

  set(rows: Row[]): void {
    const grown = rows.length !== this.rows.length;
    this.rows = rows;
    if (grown || !this.material.map) {
      this.canvas.width = WIDTH;
      this.canvas.height = ROW * rows.length + 32;
      this.material.map?.dispose();
      this.material.map = new CanvasTexture(this.canvas);
      this.material.map.colorSpace = SRGBColorSpace;
      this.material.needsUpdate = true;
      this.scale.set(METRES, (METRES * this.canvas.height) / WIDTH, 1);
    }
    this.paint();
  }

  /** The row under a ray and its distance. */
  hit(caster: Raycaster): { row: number; distance: number } | null {
    const [first] = caster.intersectObject(this, false);
    if (!first?.uv) return null;
    const row = Math.floor(((1 - first.uv.y) * this.canvas.height - 16) / ROW);
    return { row: this.rows[row]?.act ? row : -1, distance: first.distance };
  }

  hover(row: number): void {
    if (row === this.hovered) return;
    this.hovered = row;
    this.paint();
  }

  /** The middle of a row in the world, for whoever wants to point at it. */
  middle(row: number): Vector3 {
    const y = 0.5 - (16 + ROW * (row + 0.5)) / this.canvas.height;
    return this.localToWorld(new Vector3(0, y, 0));
  }

  private paint(): void {
    const context = this.canvas.getContext("2d");
    if (!context) return;
    context.clearRect(0, 0, WIDTH, this.canvas.height);
    context.fillStyle = "rgba(12, 24, 30, 0.92)";
    context.beginPath();
    context.roundRect(0, 0, WIDTH, this.canvas.height, 32);
    context.fill();
    this.rows.forEach((row, at) => this.paintRow(context, row, 16 + at * ROW, at === this.hovered));
    if (this.material.map) this.material.map.needsUpdate = true;
  }

  private paintRow(context: CanvasRenderingContext2D, row: Row, top: number, hovered: boolean): void {
    if (row.act) {
      context.fillStyle = hovered ? "#1d5560" : "#162a33";
      context.beginPath();
      context.roundRect(16, top + 4, WIDTH - 32, ROW - 8, 18);
      context.fill();
    }
    let left = 36;
    if (row.colour) {
      context.fillStyle = row.colour;
      context.globalAlpha = row.on === false ? 0.3 : 1;
      context.beginPath();
      context.roundRect(left, top + 24, 36, 36, 10);
      context.fill();
      context.globalAlpha = 1;
      left += 56;
    }
    context.textBaseline = "middle";
    context.font = `${row.act ? 600 : 500} ${row.text.length > 30 ? 26 : 32}px system-ui, sans-serif`;
    context.fillStyle = row.on === false ? "#8fa3ac" : "#eef6f8";
    context.fillText(row.text, left, top + ROW / 2, WIDTH - left - 30);
    if (!row.detail) return;
    context.textAlign = "right";
    context.font = "400 28px system-ui, sans-serif";
    context.fillStyle = "#b7c9d0";
    context.fillText(row.detail, WIDTH - 40, top + ROW / 2);
    context.textAlign = "left";
  }
}
