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
  notes: string[];
}

/** One slice before windowing. */
export interface Plane {
  rows: number;
  columns: number;
  data: ArrayLike<number>;
}

export const MAX_SIDE = 320;
