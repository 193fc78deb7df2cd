/** The organs' volumes in several studies, as a table and as lines over time. */
import { colourOf } from "../core/organs";
import type { OrganReport, Report } from "../core/types";

export interface Study {
  id: string;
  /** What it is called, without its date. */
  title: string;
  /** When the patient was scanned where that is known, else when the scan was sent; ms since 1970. */
  time: number;
  report: Report;
}

/** One organ; a study in which it was not found has no volume. */
export interface Row {
  name: string;
  title: string;
  colour: [number, number, number];
  volumes: (number | null)[];
  /** Whether a study shows only a part of it, so that its volume says little. */
  partSeen: boolean[];
  /** Last study less the first, mL; null where one of them lacks the organ. */
  difference: number | null;
  /** The same in parts of a hundred of the first. */
  percent: number | null;
}

export function rowsOf(reports: readonly Report[]): Row[] {
  const present = reports.map((report) => report.organs.filter((organ) => organ.present));
  const names = [...new Set(present.flat().map(({ name }) => name))];
  return names.map((name) => row(name, present.map((organs) => organs.find((organ) => organ.name === name))));
}

function row(name: string, found: (OrganReport | undefined)[]): Row {
  const known = found.find((organ) => organ !== undefined) as OrganReport;
  const volumes = found.map((organ) => organ?.volume_ml ?? null);
  const [first, last] = [volumes[0] ?? null, volumes.at(-1) ?? null];
  const difference = first === null || last === null ? null : last - first;
  const percent = difference === null || !first ? null : (100 * difference) / first;
  return { name, title: known.title, colour: colourOf(known), volumes, partSeen: found.map((organ) => organ?.part_seen ?? false), difference, percent };
}

export interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

export interface Line {
  row: Row;
  points: { x: number; y: number; study: number }[];
  /** Where the organ's name stands, so that names do not overlap. */
  label: number;
}

export interface Plot {
  lines: Line[];
  ticks: { y: number; volume: number }[];
  /** Where each study is. */
  columns: number[];
}

const [LEAST_APART, NAME_HEIGHT] = [64, 15];

/** Where everything of the plot is; x is time, but studies stay far enough apart to be distinguished. */
export function plotOf(rows: readonly Row[], times: readonly number[], box: Box): Plot {
  const most = Math.max(1, ...rows.flatMap(({ volumes }) => volumes.map((volume) => volume ?? 0)));
  const step = niceStep(most / 4);
  const top = Math.ceil(most / step) * step;
  const y = (volume: number): number => box.bottom - (volume / top) * (box.bottom - box.top);
  const columns = spread(times, box.left, box.right);
  const lines = rows.map((one): Line => {
    const points = one.volumes.flatMap((volume, study) => (volume === null ? [] : [{ x: columns[study] ?? 0, y: y(volume), study }]));
    return { row: one, points, label: points.at(-1)?.y ?? box.bottom };
  });
  apart(lines, box);
  const ticks = Array.from({ length: Math.round(top / step) + 1 }, (_, at) => ({ volume: at * step, y: y(at * step) }));
  return { lines, ticks, columns };
}

/** 1, 2 or 5 times a power of ten, at least as large. */
export function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return ([1, 2, 5, 10].find((step) => step * power >= least) ?? 10) * power;
}

/** Times in their order as places from left to right, in proportion where they are far enough apart. */
export function spread(times: readonly number[], left: number, right: number): number[] {
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const even = times.map((_, at) => (times.length < 2 ? (left + right) / 2 : left + ((right - left) * at) / (times.length - 1)));
  if (last <= first) return even;
  const scaled = times.map((time) => left + ((right - left) * (time - first)) / (last - first));
  const near = Math.min(LEAST_APART, (right - left) / times.length);
  return scaled.some((x, at) => at > 0 && x - (scaled[at - 1] ?? 0) < near) ? even : scaled;
}

/** Moves names down until none is over another, and then all of them up where they left the box. */
function apart(lines: Line[], box: Box): void {
  const order = [...lines].sort((a, b) => a.label - b.label);
  order.forEach((line, at) => {
    const above = order[at - 1];
    if (above) line.label = Math.max(line.label, above.label + NAME_HEIGHT);
  });
  [...order].reverse().reduce((floor, line) => {
    line.label = Math.min(line.label, floor);
    return line.label - NAME_HEIGHT;
  }, box.bottom);
}

export function signed(value: number, digits: number): string {
  const text = Math.abs(value).toFixed(digits);
  return Number(text) === 0 ? text : `${value < 0 ? "−" : "+"}${text}`;
}

/** Milliseconds of a Study Date of DICOM (YYYYMMDD), at noon so that no time zone changes the day; null for none. */
export function studyTime(date: string | null | undefined): number | null {
  const parts = /^(\d{4})(\d{2})(\d{2})$/.exec(date ?? "");
  if (!parts) return null;
  return new Date(Number(parts[1]), Number(parts[2]) - 1, Number(parts[3]), 12).getTime();
}
