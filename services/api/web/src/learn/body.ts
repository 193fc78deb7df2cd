/** The body by formula: what its GLB says of every part, as a report that the views of a result can show. */
import type { Vector } from "../core/geometry";
import type { OrganReport, Report } from "../core/types";

export type Side = "left" | "right";

/** A part of an organ, or an organ without parts. */
export interface Structure {
  readonly name: string;
  readonly title: string;
  /** The organ that it is a part of; its own name where it is no part. */
  readonly organ: string;
  readonly neighbours: readonly string[];
  /** The side of the patient that it lies on; null where it reaches to the midline. */
  readonly side: Side | null;
}

export interface Body {
  readonly structures: readonly Structure[];
  /** Organs that have parts, by name. */
  readonly organs: readonly { name: string; title: string }[];
  readonly report: Report;
}

interface Node {
  name: string;
  mesh?: number;
  children?: number[];
  scale?: Vector;
  translation?: Vector;
  extras: { label: number; title: string; volume_ml: number; surface_cm2: number; neighbours?: string[] };
}

interface Document {
  asset: { extras: { center_lps_mm: Vector; notice: string; software: string } };
  nodes: Node[];
  meshes: { primitives: { attributes: { POSITION: number }; indices: number }[] }[];
  accessors: { count: number; min?: Vector; max?: Vector }[];
  materials: { pbrMetallicRoughness: { baseColorFactor: number[] } }[];
}

/** Millimetres from the midline within which a structure is on neither side. */
const MIDDLE = 4;

export function readBody(bytes: ArrayBuffer): Body {
  const length = new DataView(bytes).getUint32(12, true);
  const document = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 20, length))) as Document;
  const parents = new Map<number, Node>();
  for (const node of document.nodes) for (const child of node.children ?? []) parents.set(child, node);
  const leaves = document.nodes.map((node, at) => ({ node, parent: parents.get(at) })).filter(({ node }) => node.mesh !== undefined);
  return {
    structures: leaves.map(({ node, parent }) => ({
      name: node.name,
      title: node.extras.title,
      organ: parent?.name ?? node.name,
      neighbours: node.extras.neighbours ?? [],
      side: sideOf(document, node),
    })),
    organs: document.nodes.filter((node) => node.children).map((node) => ({ name: node.name, title: node.extras.title })),
    report: reportOf(document, leaves.map(({ node }) => node)),
  };
}

/** The side on which all of a node lies: +X is the patient's left. */
function sideOf(document: Document, node: Node): Side | null {
  const position = document.accessors[document.meshes[node.mesh ?? 0]?.primitives[0]?.attributes.POSITION ?? 0];
  const place = (value: number | undefined): number =>
    1000 * ((node.translation?.[0] ?? 0) + (node.scale?.[0] ?? 1) * (value ?? 0)) + document.asset.extras.center_lps_mm[0];
  if (place(position?.min?.[0]) > MIDDLE) return "left";
  return place(position?.max?.[0]) < -MIDDLE ? "right" : null;
}

function reportOf(document: Document, nodes: Node[]): Report {
  const organs = nodes.map((node) => organOf(document, node));
  const { notice, software } = document.asset.extras;
  const triangles = organs.reduce((sum, organ) => sum + organ.triangles, 0);
  return { notice, software, modality: null, source: null, quality: "standard", triangles, organs, models: [], stage_seconds: {}, seconds: 0, warnings: [] };
}

function organOf(document: Document, node: Node): OrganReport {
  const primitive = document.meshes[node.mesh ?? 0]?.primitives[0];
  const { label, title, volume_ml, surface_cm2 } = node.extras;
  const triangles = (document.accessors[primitive?.indices ?? 0]?.count ?? 0) / 3;
  const colour = srgb(document.materials[node.mesh ?? 0]?.pbrMetallicRoughness.baseColorFactor ?? []);
  return { label, name: node.name, title, colour, present: true, volume_ml, surface_cm2, triangles, touches_border: false, components: 1, warnings: [] };
}

/** Linear factors as sRGB, 0 to 255 (IEC 61966-2-1). */
function srgb(factors: readonly number[]): [number, number, number] {
  const [red = 0, green = 0, blue = 0] = factors.map((value) => Math.round(255 * (value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055)));
  return [red, green, blue];
}
