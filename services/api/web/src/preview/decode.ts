/** What the confirmation shows of the picked files; throws a sentence where nothing can be shown. */
import { unzipSync } from "fflate";
import type { Picked } from "../upload/collect";
import { isDicom, readSeries } from "./dicom";
import { looksLikeNifti, readNifti } from "./nifti";
import { isPng, pixelSize, readPng, sliceNumber } from "./png";
import { type Plane, type Preview, Unreadable } from "./types";
import { CT_WINDOW, draw, type Levels, robustLevels, shrunk } from "./window";

interface Member {
  path: string;
  bytes: Uint8Array<ArrayBuffer>;
}
type Told = (done: number) => void;
const LARGEST = 1.5e9;
/** mm between PNG slices, which carry no distance; the service assumes the same. */
const PNG_GAP = 3;
const RADIOLOGICAL: Preview["letters"] = ["R", "L", "A", "P"];

export async function decode(picked: Picked[], told: Told): Promise<Preview> {
  const total = picked.reduce((sum, { file }) => sum + file.size, 0);
  if (total > LARGEST) throw new Unreadable("The scan is too large to be shown here before it is sent.");
  const members = await read(picked, told);
  const dicom = members.filter(({ bytes }) => isDicom(bytes));
  const png = members.filter(({ bytes }) => isPng(bytes));
  const nifti = members.filter(({ bytes, path }) => !isPng(bytes) && !isDicom(bytes) && looksLikeNifti(bytes, path));
  if (dicom.length > 0 && dicom.length >= png.length) return fromDicom(dicom);
  if (png.length > 0) return fromPng(png, told);
  const [volume] = nifti;
  if (volume) return fromNifti(volume);
  throw new Unreadable("This browser can't show these files: they are not PNG, NIfTI or DICOM as far as it can tell.");
}

async function read(picked: Picked[], told: Told): Promise<Member[]> {
  const members: Member[] = [];
  for (const [at, { path, file }] of picked.entries()) {
    members.push({ path, bytes: new Uint8Array(await file.arrayBuffer()) });
    told((0.5 * (at + 1)) / picked.length);
  }
  const [only] = members;
  if (members.length !== 1 || !only || only.bytes[0] !== 0x50 || only.bytes[1] !== 0x4b) return members;
  const inside = Object.entries(unzipSync(only.bytes)) as [string, Uint8Array<ArrayBuffer>][];
  return inside
    .filter(([path, bytes]) => bytes.length > 0 && !path.split("/").some((part) => part.startsWith(".") || part === "__MACOSX"))
    .map(([path, bytes]) => ({ path, bytes }));
}

async function fromPng(members: Member[], told: Told): Promise<Preview> {
  const sorted = [...members].sort((a, b) => sliceNumber(a.path) - sliceNumber(b.path) || a.path.localeCompare(b.path));
  const planes: Plane[] = [];
  for (const [at, member] of sorted.entries()) {
    planes.push(await readPng(member.bytes));
    told(0.5 + (0.5 * (at + 1)) / sorted.length);
  }
  const size = pixelSize(sorted[0]?.path ?? "");
  const notes = ["PNG files do not say how they lie in the patient: the usual orientation is assumed."];
  const facts: Facts = { spacing: size ? [...size, PNG_GAP] : null, letters: RADIOLOGICAL, modality: null, gaps: null, notes };
  return assemble("png", planes, robustLevels(planes), facts);
}

function fromNifti(member: Member): Preview {
  const { planes, spacing } = readNifti(member.bytes);
  const levels = levelsOf(planes);
  const modality = levels === CT_WINDOW ? "CT" : null;
  return assemble("nifti", planes, levels, { spacing, letters: RADIOLOGICAL, modality, gaps: null, notes: [] });
}

function fromDicom(members: Member[]): Preview {
  const { planes, spacing, letters, modality, gaps, left } = readSeries(members.map(({ bytes }) => bytes));
  const notes = left > 0 ? [`${left} more DICOM files belong to other series or hold no image.`] : [];
  const levels = modality === "CT" ? CT_WINDOW : robustLevels(planes);
  return assemble("dicom", planes, levels, { spacing, letters, modality, gaps, notes });
}

/** Hounsfield units show themselves by air far below zero. */
function levelsOf(planes: Plane[]): Levels {
  const levels = robustLevels(planes);
  return levels.low < -500 ? CT_WINDOW : levels;
}

type Facts = Pick<Preview, "spacing" | "letters" | "modality" | "gaps" | "notes">;

function assemble(format: Preview["format"], planes: Plane[], levels: Levels, facts: Facts): Preview {
  const [first] = planes;
  if (!first) throw new Unreadable("There are no slices in these files.");
  const { rows, columns } = first;
  const { height, width } = shrunk(rows, columns);
  const pixels = new Uint8Array(planes.length * height * width);
  planes.forEach((plane, at) => draw(plane, levels, pixels, at * height * width, height, width));
  return { format, slices: planes.length, rows, columns, pixels, width, height, ...facts };
}
