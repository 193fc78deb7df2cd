/** DICOM series: the images of the largest series, sorted along the normal of their planes. No text is taken out. */
import daikon from "daikon";
import { letterOf, type Vector } from "../core/geometry";
import { type Plane, Unreadable } from "./types";

export interface Series {
  planes: Plane[];
  spacing: [number, number, number] | null;
  letters: [string, string, string, string];
  modality: string | null;
  gaps: [number, number] | null;
  left: number;
}

interface Slice {
  image: DaikonImage;
  place: number;
}

export function isDicom(bytes: Uint8Array): boolean {
  return String.fromCharCode(...bytes.subarray(128, 132)) === "DICM";
}

export function readSeries(files: Uint8Array[]): Series {
  const series = largest(files.map(parsed).filter((image) => image !== null));
  const [first] = series;
  if (!first) throw new Unreadable("These DICOM files hold no images that this page can show.");
  const directions = (first.getImageDirections() ?? [1, 0, 0, 0, 1, 0]) as number[];
  const row = directions.slice(0, 3) as Vector;
  const column = directions.slice(3, 6) as Vector;
  const slices = sorted(series, cross(row, column));
  return {
    planes: slices.flatMap(({ image }) => planesOf(image)),
    spacing: spacing(first, slices),
    letters: [letterOf(row, -1), letterOf(row, 1), letterOf(column, -1), letterOf(column, 1)],
    modality: modalityOf(first),
    gaps: gaps(slices),
    left: files.length - series.length,
  };
}

function parsed(bytes: Uint8Array): DaikonImage | null {
  const image = daikon.Series.parseImage(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  return image?.hasPixelData() ? image : null;
}

function largest(images: DaikonImage[]): DaikonImage[] {
  const groups = new Map<string, DaikonImage[]>();
  for (const image of images) {
    const id = image.getSeriesInstanceUID() ?? "";
    groups.set(id, [...(groups.get(id) ?? []), image]);
  }
  return [...groups.values()].sort((a, b) => b.length - a.length)[0] ?? [];
}

/** Along the patient's axis towards the feet where the planes are axial, else along the normal. */
function sorted(series: DaikonImage[], normal: Vector): Slice[] {
  const towards = normal[2] > 0 ? -1 : 1;
  const place = (image: DaikonImage): number => {
    const position = image.getImagePosition() as number[] | null;
    return position ? towards * normal.reduce((sum, part, at) => sum + part * (position[at] ?? 0), 0) : image.getImageNumber();
  };
  return series.map((image) => ({ image, place: place(image) })).sort((a, b) => a.place - b.place);
}

function planesOf(image: DaikonImage): Plane[] {
  const rows = image.getRows();
  const columns = image.getCols();
  const values = image.getInterpretedData(true, false) as ArrayLike<number>;
  const size = rows * columns;
  return Array.from({ length: Math.max(1, Math.floor(values.length / size)) }, (_, frame) => ({
    rows,
    columns,
    data: Array.prototype.slice.call(values, frame * size, (frame + 1) * size) as number[],
  }));
}

function spacing(first: DaikonImage, slices: Slice[]): [number, number, number] | null {
  const pixel = first.getPixelSpacing() as number[] | null;
  const gap = slices.length > 1 ? Math.abs((slices[1]?.place ?? 0) - (slices[0]?.place ?? 0)) : Number.NaN;
  return pixel?.[0] && pixel[1] && gap > 0 ? [pixel[1], pixel[0], gap] : null;
}

/** Only kinds that the service knows: the field may hold any text. */
function modalityOf(image: DaikonImage): string | null {
  const text = image.getModality();
  return text === "CT" || text === "MR" ? text : null;
}

/** Least and largest distance between neighbouring slices. */
export function gaps(slices: readonly { place: number }[]): [number, number] | null {
  const found = slices.slice(1).map(({ place }, at) => Math.abs(place - (slices[at]?.place ?? 0)));
  return found.length > 0 && found.every(Number.isFinite) ? [Math.min(...found), Math.max(...found)] : null;
}

function cross(a: Vector, b: Vector): Vector {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}
