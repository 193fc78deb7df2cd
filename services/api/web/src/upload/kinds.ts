/** What the picked files may be, by their first bytes and their names, before anything is decoded. */
import type { Picked } from "./collect";

const MAGIC: readonly (readonly [number, string])[] = [
  [128, "DICM"],
  [0, "\x89PNG"],
  [0, "PK\x03\x04"],
  [0, "\x1f\x8b"],
  [0, "NRRD"],
  [257, "ustar"],
  [344, "n+1"],
  [344, "ni1"],
  [4, "n+2"],
];
const NAMES = /\.(nii|nii\.gz|hdr|img|mgh|mgz|nrrd|nhdr|dcm|dicom|ima|tar|tgz|zip|gz|png)$/i;
const HEAD = 352;
/** Files looked into, spread over all that were picked. */
const LOOKS = 12;

/** "other" where none of them is a kind of scan or archive that the service reads. */
export async function kindOf(picked: readonly Picked[]): Promise<"scan" | "other"> {
  if (picked.some(({ path }) => NAMES.test(path))) return "scan";
  const stride = Math.max(1, Math.floor(picked.length / LOOKS));
  for (let at = 0; at < picked.length; at += stride) {
    const file = picked[at]?.file;
    if (file && isScan(new Uint8Array(await file.slice(0, HEAD).arrayBuffer()))) return "scan";
  }
  return "other";
}

export function isScan(head: Uint8Array): boolean {
  const starts = ([from, text]: readonly [number, string]): boolean => [...text].every((letter, at) => head[from + at] === letter.charCodeAt(0));
  return MAGIC.some(starts) || isOldDicom(head);
}

/** DICOM of before the file format: it begins with an element of group 2 or 8 whose length is small. */
function isOldDicom(head: Uint8Array): boolean {
  const group = (head[0] ?? 0) | ((head[1] ?? 0) << 8);
  const element = (head[2] ?? 0) | ((head[3] ?? 0) << 8);
  return (group === 2 || group === 8) && element <= 0x18 && head.length > 8;
}
