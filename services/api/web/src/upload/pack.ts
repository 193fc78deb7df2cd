/** Packs picked files into one and hashes it, a chunk at a time: a single file goes as it is, more become a zip. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { Zip, ZipDeflate, ZipPassThrough } from "fflate";
import type { Picked } from "./collect";

export interface Packed {
  blob: Blob;
  sha256: string;
  name: string;
}

const CHUNK = 1 << 22;
const PACKED_ALREADY = /\.(png|gz|zip|jpe?g|jp2)$/i;

export async function pack(picked: Picked[], told: (done: number) => void): Promise<Packed> {
  const [only] = picked;
  if (picked.length === 1 && only) {
    return { blob: only.file, sha256: await hashed(only.file, told), name: suffix(only.file.name) };
  }
  const total = picked.reduce((sum, { file }) => sum + file.size, 0) || 1;
  const hash = sha256.create();
  const parts: BlobPart[] = [];
  const zip = new Zip((error, data) => {
    if (error) throw error;
    hash.update(data);
    parts.push(data as BlobPart);
  });
  let read = 0;
  for (const { path, file } of picked) {
    const member = PACKED_ALREADY.test(path) ? new ZipPassThrough(path) : new ZipDeflate(path, { level: 1 });
    zip.add(member);
    for (let at = 0; at < file.size || at === 0; at += CHUNK) {
      const chunk = new Uint8Array(await file.slice(at, at + CHUNK).arrayBuffer());
      member.push(chunk, at + CHUNK >= file.size);
      read += chunk.length;
      told(read / total);
    }
  }
  zip.end();
  return { blob: new Blob(parts, { type: "application/zip" }), sha256: bytesToHex(hash.digest()), name: "scan.zip" };
}

async function hashed(file: Blob, told: (done: number) => void): Promise<string> {
  const hash = sha256.create();
  for (let at = 0; at < file.size; at += CHUNK) {
    hash.update(new Uint8Array(await file.slice(at, at + CHUNK).arrayBuffer()));
    told(Math.min(1, (at + CHUNK) / file.size));
  }
  return bytesToHex(hash.digest());
}

/** A neutral name that keeps what a reader goes by: names of files may name patients. */
function suffix(name: string): string {
  const match = /(\.nii\.gz|\.[a-z0-9]{1,5})$/i.exec(name);
  return `scan${match?.[1]?.toLowerCase() ?? ""}`;
}
