/** Text inside the scene: a sprite that always faces the viewer, drawn on a canvas of its own. */
import { CanvasTexture, Sprite, SpriteMaterial, SRGBColorSpace } from "three";

export interface Look {
  ink: string;
  ground: string;
  /** Height of a line in metres. */
  height: number;
}

export class TextSprite extends Sprite {
  text = "";
  private readonly canvas = document.createElement("canvas");

  constructor(private readonly look: Look) {
    super(new SpriteMaterial({ depthTest: false, depthWrite: false, transparent: true }));
    this.renderOrder = 10;
    this.raycast = () => undefined;
  }

  set(text: string): void {
    if (text === this.text) return;
    this.text = text;
    const lines = text.split("\n");
    const context = this.canvas.getContext("2d");
    if (!context) return;
    const font = "600 44px system-ui, sans-serif";
    context.font = font;
    const width = Math.ceil(Math.max(...lines.map((line) => context.measureText(line).width))) + 40;
    this.canvas.width = width;
    this.canvas.height = lines.length * 56 + 16;
    context.font = font;
    context.fillStyle = this.look.ground;
    context.beginPath();
    context.roundRect(0, 0, this.canvas.width, this.canvas.height, 18);
    context.fill();
    context.fillStyle = this.look.ink;
    context.textBaseline = "middle";
    context.textAlign = "center";
    lines.forEach((line, at) => context.fillText(line, width / 2, 8 + 56 * at + 29));
    this.material.map?.dispose();
    this.material.map = new CanvasTexture(this.canvas);
    this.material.map.colorSpace = SRGBColorSpace;
    this.material.needsUpdate = true;
    this.scale.set((this.look.height * width) / 56, (this.look.height * this.canvas.height) / 56, 1);
  }
}
