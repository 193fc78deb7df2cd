/** Where the wearer's eyes are, in the world, and which way they look along the floor. */
import { Vector3, type WebGLRenderer } from "three";
import { eyeAt } from "../scene/eye";

export interface Eye {
  /** The middle between both. */
  at: Vector3;
  /** Level, of length 1. */
  ahead: Vector3;
}

/** Null while the headset does not know it yet, or the wearer looks straight up or down. */
export function eyeOf(renderer: WebGLRenderer): Eye | null {
  const [first] = renderer.xr.getCamera().cameras;
  const ahead = first?.getWorldDirection(new Vector3()).setY(0);
  if (!first || !ahead || ahead.lengthSq() < 1e-6) return null;
  return { at: eyeAt(renderer, first), ahead: ahead.normalize() };
}
