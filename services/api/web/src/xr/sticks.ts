/** Flicks of the thumbsticks: one for each time a stick leaves its middle, so that nothing goes on by itself. */
import type { Pointer } from "./hands";

export interface Flick {
  /** 1 to the right, -1 to the left, 0 for a flick up or down. */
  across: number;
  /** 1 up, -1 down. */
  up: number;
}

/** How far a stick is out, and how near to the middle it must come before the next flick. */
const [OUT, HOME] = [0.7, 0.3];

export class Sticks {
  private readonly out = new Set<number>();

  read(pointers: readonly Pointer[]): Flick[] {
    return pointers.map((pointer) => this.flick(pointer)).filter((flick) => flick !== null);
  }

  private flick({ index, source }: Pointer): Flick | null {
    const [, , x = 0, y = 0] = source?.gamepad?.axes ?? [];
    const most = Math.max(Math.abs(x), Math.abs(y));
    if (most < HOME) this.out.delete(index);
    if (most < OUT || this.out.has(index)) return null;
    this.out.add(index);
    return Math.abs(x) > Math.abs(y) ? { across: Math.sign(x), up: 0 } : { across: 0, up: -Math.sign(y) };
  }
}
