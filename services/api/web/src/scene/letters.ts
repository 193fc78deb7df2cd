/** The patient's directions around the organs, so that left is never taken for right. */
import { type Box3, type Camera, Group, Vector3 } from "three";
import { TextSprite } from "./text";

const SIDES: [string, [number, number, number]][] = [
  ["L", [1, 0, 0]],
  ["R", [-1, 0, 0]],
  ["S", [0, 1, 0]],
  ["I", [0, -1, 0]],
  ["A", [0, 0, 1]],
  ["P", [0, 0, -1]],
];

export class Letters extends Group {
  private shown = "LRSIAP";

  constructor(box: Box3) {
    super();
    const centre = box.getCenter(new Vector3());
    const size = box.getSize(new Vector3());
    // Small models have small letters: at a fixed size they would stand before the organs.
    const height = Math.min(0.012, 0.045 * size.length());
    const half = size.multiplyScalar(0.5).addScalar(1.6 * height);
    for (const [letter, direction] of SIDES) {
      const sprite = new TextSprite({ ink: "#e8f4f4", ground: "rgba(14, 40, 48, 0.72)", height });
      sprite.set(letter);
      sprite.name = letter;
      sprite.position.copy(centre).add(new Vector3(...direction).multiply(half));
      this.add(sprite);
    }
  }

  /** Letters on the line of sight would only stand before the organs. */
  face(camera: Camera): void {
    const sight = camera.getWorldDirection(new Vector3());
    const turned = new Vector3();
    for (const [at, [letter, direction]] of SIDES.entries()) {
      const along = Math.abs(turned.set(...direction).transformDirection(this.matrixWorld).dot(sight));
      const sprite = this.children[at];
      if (sprite) sprite.visible = this.shown.includes(letter) && along < 0.85;
    }
  }

  /** In a headset left and right are enough: each letter costs a draw call. */
  only(letters: string): void {
    this.shown = letters;
  }
}
