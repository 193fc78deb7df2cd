/** Windows of grey values: from black to white in the scan's own numbers. */
import type { Text } from "../core/languages/de";

export type Window = [number, number];

export interface Preset {
  key: string;
  title: Text;
  level: number;
  width: number;
}

/** Hounsfield units. */
export const CT_PRESETS: readonly Preset[] = [
  { key: "1", title: "Abdomen", level: 40, width: 400 },
  { key: "2", title: "Soft tissue", level: 50, width: 350 },
  { key: "3", title: "Liver", level: 60, width: 160 },
  { key: "4", title: "Bone", level: 400, width: 1800 },
  { key: "5", title: "Lung", level: -600, width: 1500 },
];

export function presets(modality: string | null): readonly Preset[] {
  return modality === "CT" ? CT_PRESETS : [];
}

export function windowOf({ level, width }: Pick<Preset, "level" | "width">): Window {
  return [level - width / 2, level + width / 2];
}

export function levelOf([low, high]: Window): { level: number; width: number } {
  return { level: (low + high) / 2, width: high - low };
}

/**
 * The window after a drag by pixels: right widens, down brightens less. `range` is the span of all values; a drag over
 * `size` pixels sweeps half of it, or three times the present width where that is less.
 */
export function dragged(window: Window, right: number, down: number, range: number, size: number): Window {
  const { level, width } = levelOf(window);
  const speed = Math.min(range / 2, Math.max(width, range / 200) * 3) / Math.max(size, 1);
  const next = Math.max(range / 2000, width + right * speed);
  return windowOf({ level: level + down * speed, width: next });
}
