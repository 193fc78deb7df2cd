/** Where a slice's voxels lie on the screen, in radiological convention: the patient's left and feet are right and down. */
import { axisOf, type Matrix, type Orientation, type Vector } from "../core/geometry";

export interface Grid {
  dims: Vector;
  /** mm between voxels along each voxel axis. */
  spacing: Vector;
  /** Voxel to RAS mm. */
  affine: Matrix;
}

interface Step {
  axis: 0 | 1 | 2;
  /** Whether the voxel number grows (1) or falls (-1) in the step's direction. */
  sign: 1 | -1;
}

/** The voxel axes of an orientation: to the right and down on the screen, and from its first slice to its last. */
export interface Plane {
  across: Step;
  down: Step;
  through: Step;
}

/** A view on the screen in CSS pixels. */
export interface Tile {
  orientation: Orientation;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Sight {
  /** Voxel in the middle of the tiles. */
  centre: Vector;
  /** Voxel under the crosshair; its part along `through` chooses the slice. */
  cross: Vector;
  /** 1 shows the whole slice. */
  zoom: number;
}

/** Steps towards the patient's left, back and feet. */
export function planeOf(affine: Matrix, orientation: Orientation): Plane {
  const [left, back, feet] = ([0, 1, 2] as const).map((direction): Step => {
    const axis = axisOf(affine, direction) as Step["axis"];
    return { axis, sign: (affine[direction]?.[axis] ?? 1) > 0 ? -1 : 1 };
  }) as [Step, Step, Step];
  if (orientation === "axial") return { across: left, down: back, through: feet };
  if (orientation === "coronal") return { across: left, down: feet, through: back };
  return { across: back, down: feet, through: left };
}

/** The orientation whose slices lie along an axis of the volume. */
export function orientationAlong(affine: Matrix, axis: number): Orientation {
  return (["axial", "coronal", "sagittal"] as const).find((one) => planeOf(affine, one).through.axis === axis) ?? "axial";
}

/** Number of the slice, 1 at the head, the front or the patient's right, and the count of slices. */
export function sliceNumber(grid: Grid, plane: Plane, cross: Vector): { number: number; count: number } {
  const { axis, sign } = plane.through;
  const count = grid.dims[axis];
  const index = Math.min(count - 1, Math.max(0, Math.round(cross[axis])));
  return { number: sign > 0 ? index + 1 : count - index, count };
}

/** Pixels per mm that show the whole slice in a tile. */
export function fitScale(grid: Grid, plane: Plane, tile: Tile): number {
  const size = ({ axis }: Step): number => grid.dims[axis] * grid.spacing[axis];
  return Math.min(tile.width / size(plane.across), tile.height / size(plane.down));
}

/** The voxel (fractions allowed) under a point of the tile, CSS pixels from the tile's corner. */
export function toVoxel(grid: Grid, plane: Plane, tile: Tile, sight: Sight, x: number, y: number): Vector {
  const scale = fitScale(grid, plane, tile) * sight.zoom;
  const { across, down, through } = plane;
  const voxel: Vector = [0, 0, 0];
  voxel[across.axis] = sight.centre[across.axis] + (across.sign * (x - tile.width / 2)) / scale / grid.spacing[across.axis];
  voxel[down.axis] = sight.centre[down.axis] + (down.sign * (y - tile.height / 2)) / scale / grid.spacing[down.axis];
  voxel[through.axis] = Math.round(sight.cross[through.axis]);
  return voxel;
}

/** The point of the tile, CSS pixels from its corner, that shows a voxel. */
export function toPixel(grid: Grid, plane: Plane, tile: Tile, sight: Sight, voxel: Vector): [number, number] {
  const scale = fitScale(grid, plane, tile) * sight.zoom;
  const along = ({ axis, sign }: Step): number => sign * (voxel[axis] - sight.centre[axis]) * grid.spacing[axis] * scale;
  return [tile.width / 2 + along(plane.across), tile.height / 2 + along(plane.down)];
}

const GAP = 2;

/** All three planes beside each other where there is width, below each other where there is height; or one alone. */
export function tiles(layout: Orientation | "all", width: number, height: number): Tile[] {
  if (layout !== "all") return [{ orientation: layout, x: 0, y: 0, width, height }];
  const wide = width > height * 1.15;
  const [first, second] = wide ? split(width, 0.58) : split(height, 0.56);
  const [a, b] = wide ? split(height, 0.5) : split(width, 0.5);
  const rest = first + GAP;
  if (wide) {
    return [
      { orientation: "axial", x: 0, y: 0, width: first, height },
      { orientation: "coronal", x: rest, y: 0, width: second, height: a },
      { orientation: "sagittal", x: rest, y: a + GAP, width: second, height: b },
    ];
  }
  return [
    { orientation: "axial", x: 0, y: 0, width, height: first },
    { orientation: "coronal", x: 0, y: rest, width: a, height: second },
    { orientation: "sagittal", x: a + GAP, y: rest, width: b, height: second },
  ];
}

function split(size: number, part: number): [number, number] {
  const first = Math.max(1, Math.round((size - GAP) * part));
  return [first, Math.max(1, size - GAP - first)];
}

/** The longest round length in mm that a bar of at most `pixels` shows. */
export function barLength(pixelsPerMm: number, pixels: number): number {
  const longest = pixels / pixelsPerMm;
  const power = 10 ** Math.floor(Math.log10(longest));
  return ([5, 2, 1].find((step) => step * power <= longest) ?? 1) * power;
}
