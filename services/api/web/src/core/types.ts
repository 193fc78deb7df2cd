/** What the HTTP interface answers; see docs/http.md. Times are RFC 3339, lengths mm, volumes mL. */

export type JobState = "queued" | "running" | "succeeded" | "failed" | "cancelled";
export const OPEN_STATES: readonly JobState[] = ["queued", "running"];

export interface Stage {
  name: string;
  state: string;
  attempts: number;
  progress: number;
  started: string | null;
  ended: string | null;
}

export interface Job {
  id: string;
  state: JobState;
  stage: string | null;
  progress: number;
  position: number | null;
  wait_seconds?: number | null;
  stages: Stage[];
  created: string;
  started: string | null;
  ended: string | null;
  error: { code: string; detail: string } | null;
  links: Record<string, string>;
  /** What people wrote, and what the segmenter found; absent in answers of earlier versions. */
  name?: string;
  note?: string;
  tags?: string[];
  review?: Review;
  modality?: string;
  model?: string;
  /** The name of the key, or the person, that chose the review state. */
  reviewed_by?: string;
  reviewed_at?: string | null;
  /** The newest finished revision of the result, or the one that a correction made. */
  revision?: number | null;
}

/** One version of a result; 1 is the algorithm's, which nobody edited. */
export interface Revision {
  revision: number;
  state: JobState;
  /** The key or subject, as in the audit trail. */
  edited_by: string | null;
  edited_at: string | null;
  links: Record<string, string>;
}

/** Gives the connected part at a voxel (column, row, slice of the file) another label; 0 is no organ. */
export interface Edit {
  kind: "relabel";
  at: [number, number, number];
  label: number;
  in_slice: boolean;
}

/** Gives runs of voxels (start, length) a label; `start` counts along columns, then rows, then slices. */
export interface PaintEdit {
  kind: "paint";
  label: number;
  runs: [number, number][];
}

export type FileAxis = "column" | "row" | "slice";

/** Changes the shape of an organ; `slices` limits it to those along an axis of the file. */
export type ShapeEdit =
  | { kind: "fill"; label: number; in_slices?: boolean; slices?: [number, number]; axis?: FileAxis }
  | { kind: "smooth"; label: number; mm: number; slices?: [number, number]; axis?: FileAxis }
  | { kind: "islands"; label: number; below_ml: number }
  | { kind: "interpolate"; label: number; at: [number, number, number][]; axis: FileAxis };

export type LabelEdit = Edit | PaintEdit | ShapeEdit;

/** A measurement on slices as it is sent: points in the patient, LPS mm. */
export interface SliceBody {
  kind: "length" | "angle" | "area" | "probe";
  plane: "axial" | "coronal" | "sagittal";
  points: [number, number, number][];
  label: string;
}

/** One on surfaces of the model, or an arrow. */
export interface SurfaceBody {
  kind: "length" | "angle" | "polygon" | "arrow";
  plane: "surface";
  points: [number, number, number][];
  label: string;
}

export type MeasurementBody = SliceBody | SurfaceBody;

/** What the service adds. */
export interface Measured {
  id: string;
  /** Null for an arrow. */
  value: number | null;
  unit: string | null;
  measured_by: string;
  measured_at: string;
  etag: string;
}

export type Measurement = (SliceBody & Measured) | (SurfaceBody & Measured);

/** What a view of the model shows; places are in the patient, LPS mm. */
export interface Look {
  camera: [number, number, number];
  target: [number, number, number];
  /** Organs that are hidden (0) or translucent. */
  opacities: { label: number; opacity: number }[];
  xray: boolean;
  apart: number;
  cut: { axis: "axial" | "coronal" | "sagittal"; part: number } | null;
  plane: "axial" | "coronal" | "sagittal" | null;
  place: [number, number, number] | null;
}

export interface ViewBody {
  name: string;
  look: Look;
}

export interface ViewOfModel extends ViewBody {
  id: string;
  saved_by: string;
  saved_at: string;
  etag: string;
}

export type Review = "unread" | "accepted" | "needs_correction";

/** A model of a worker that is up. */
type Range = [number, number] | null;

/** What the training data of a model had, in mm. */
export interface Domain {
  pixel_mm?: Range;
  slice_mm?: Range;
  field_of_view_mm?: Range;
}

export interface Model {
  stage: string;
  name: string;
  card: { modalities?: string[]; domain?: Domain | null };
}

/** A DICOM system that the operator configured. */
export interface Destination {
  name: string;
  protocol: string;
}

/** A version of a result on its way to a destination. */
export interface Delivery {
  id: string;
  job: string;
  revision: number;
  destination: string;
  state: "pending" | "sending" | "delivered" | "failed";
  error: string | null;
  created: string;
  ended: string | null;
}

export interface JobPage {
  items: Job[];
  next: string | null;
}

export interface Session {
  tenant: string;
  key_id: string | number;
  name: string;
  scopes: string[];
  job: string | null;
  expires: string | null;
}

export interface Scan {
  id: string;
  sha256: string;
  bytes: number;
  format: string;
}

export interface Warning {
  code: string;
  detail: string;
}

export interface OrganReport {
  label: number;
  name: string;
  title: string;
  /** sRGB, 0 to 255. Absent in reports of earlier versions. */
  colour?: [number, number, number];
  present: boolean;
  volume_ml: number;
  surface_cm2: number;
  /** Lowest and highest corner, patient LPS mm. */
  bounding_box_lps_mm?: [[number, number, number], [number, number, number]] | null;
  triangles: number;
  touches_border: boolean;
  /** Absent in reports of earlier versions. */
  part_seen?: boolean;
  components: number;
  warnings: Warning[];
}

/** How sure the model is: the Dice to expect on each slice along an axis of the label map, and the slices to look at. */
export interface Confidence {
  axis: number;
  slices: (number | null)[];
  /** The least sure first. */
  low: number[];
}

export interface Report {
  /** Absent in reports of earlier versions. */
  confidence?: Confidence | null;
  /** Absent in reports of earlier versions. */
  revision?: number;
  notice: string;
  software: string;
  modality: string | null;
  source: string | null;
  quality: string;
  triangles: number;
  organs: OrganReport[];
  models: { name: string; sha256: string }[];
  stage_seconds: Record<string, number>;
  seconds: number;
  warnings: Warning[];
}

export interface Share {
  id: string | number;
  token?: string;
  created?: string;
  expires: string;
}

/** Finished slices of a job that runs: `start` to `stop` along axis 0 slice, 1 row, 2 column of the label map. */
export interface EarlyPart {
  attempt: number;
  number: number;
  axis: number;
  start: number;
  stop: number;
  href: string;
}
