/** A scan as the confirmation shows it: 8-bit slices from head to feet where that is known. */
export interface Preview {
  format: "png" | "nifti" | "dicom";
  slices: number;
  rows: number;
  columns: number;
  /** (slice, row, column), windowed to 0..255, sampled down to at most `MAX_SIDE` a side. */
  pixels: Uint8Array<ArrayBuffer>;
  width: number;
  height: number;
  /** mm between columns, rows and slices; null where the files do not say. */
  spacing: [number, number, number] | null;
  /** Letters at the image's left, right, top and bottom edge. */
  letters: [string, string, string, string];
  /** "CT" or "MR" where the files say it or their values show it, else null. */
  modality: string | null;
  /** Least and largest distance between slices in mm; null where the files do not say. */
  gaps: [number, number] | null;
  notes: string[];
}

/** One slice before windowing. */
export interface Plane {
  rows: number;
  columns: number;
  data: ArrayLike<number>;
}

export const MAX_SIDE = 320;

/** A sentence for the user about files that can't be shown. */
export class Unreadable extends Error {}
