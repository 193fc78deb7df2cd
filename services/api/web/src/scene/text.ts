/** Text inside the scene: a plate that faces the eye and stands upright, drawn on a canvas of its own. */
import { type Camera, CanvasTexture, Matrix4, Mesh, MeshBasicMaterial, PlaneGeometry, Quaternion, SRGBColorSpace, Vector3, type WebGLRenderer } from "three";
import { eyeAt } from "./eye";

export interface Look {
  ink: string;
  ground: string;
  /** Height of a line in metres. */
  height: number;
}

/** Pixels of a line and of its letters on the canvas. */
const [LINE, LETTER] = [56, 44];
/** In a headset the letters of a label have at least this height, as an angle at the eye in radians: one degree. */
export const LEAST_ANGLE = Math.PI / 180;
const UP = new Vector3(0, 1, 0);
const SQUARE = new PlaneGeometry(1, 1);

export class TextSprite extends Mesh<PlaneGeometry, MeshBasicMaterial> {
  text = "";
  /** How far its middle is above its place, in heights of the plate. */
  lift = 0;
  private readonly canvas = document.createElement("canvas");

  constructor(private readonly look: Look) {
    super(SQUARE, new MeshBasicMaterial({ depthTest: false, depthWrite: false, transparent: true }));
    this.renderOrder = 10;
    this.raycast = () => undefined;
  }

  set(text: string): void {
    if (text === this.text) return;
    this.text = text;
    const lines = text.split("\n");
    const context = this.canvas.getContext("2d");
    if (!context) return;
    const font = `600 ${LETTER}px system-ui, sans-serif`;
    context.font = font;
    const width = Math.ceil(Math.max(...lines.map((line) => context.measureText(line).width))) + 40;
    this.canvas.width = width;
    this.canvas.height = lines.length * LINE + 16;
    context.font = font;
    context.fillStyle = this.look.ground;
    context.beginPath();
    context.roundRect(0, 0, this.canvas.width, this.canvas.height, 18);
    context.fill();
    context.fillStyle = this.look.ink;
    context.textBaseline = "middle";
    context.textAlign = "center";
    lines.forEach((line, at) => context.fillText(line, width / 2, 8 + LINE * at + 29));
    this.material.map?.dispose();
    this.material.map = new CanvasTexture(this.canvas);
    this.material.map.colorSpace = SRGBColorSpace;
    this.material.needsUpdate = true;
    this.scale.set((this.look.height * width) / LINE, (this.look.height * this.canvas.height) / LINE, 1);
  }

  /** The height of a letter in the world, as it was drawn last. */
  get letterHeight(): number {
    return (new Vector3().setFromMatrixScale(this.matrixWorld).y * LETTER) / this.canvas.height;
  }

  /** Three calls this before it draws the label for an eye. Both eyes of a headset get the same plate, else it would look bent. */
  override onBeforeRender = (renderer: WebGLRenderer, _scene: unknown, camera: Camera): void => {
    const eye = eyeAt(renderer, camera);
    // Not from the matrix that the call for the other eye left lifted.
    const at = this.position.clone().applyMatrix4(this.parent?.matrixWorld ?? new Matrix4());
    const size = new Vector3().setFromMatrixScale(this.matrixWorld);
    const turn = new Quaternion().setFromRotationMatrix(new Matrix4().lookAt(eye, at, UP));
    this.matrixWorld.compose(at, turn, size);
    const least = LEAST_ANGLE * eye.distanceTo(at);
    if (renderer.xr.isPresenting && this.letterHeight < least) this.matrixWorld.scale(new Vector3().setScalar(least / this.letterHeight));
    this.matrixWorld.multiply(new Matrix4().makeTranslation(0, this.lift, 0));
  };
}
