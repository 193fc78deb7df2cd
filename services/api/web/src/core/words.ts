/** Numbers and times as a reader wants them. */
import { language, t } from "./language";

export function millilitres(volume: number): string {
  return volume >= 100 ? `${Math.round(volume)} mL` : `${volume.toFixed(1)} mL`;
}

/** The volume of an organ; that of a part is marked, because the outlines end inside the organ. */
export function organVolume(report: { volume_ml: number; part_seen?: boolean }): string {
  return report.part_seen ? `${millilitres(report.volume_ml)} (${t("part seen")})` : millilitres(report.volume_ml);
}

export function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB"];
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

export function seconds(count: number): string {
  if (count < 60) return `${Math.max(1, Math.round(count))} s`;
  if (count < 3600) return `${Math.round(count / 60)} min`;
  return `${(count / 3600).toFixed(1)} h`;
}

export function when(time: string): string {
  return new Intl.DateTimeFormat(language.value === "en" ? undefined : language.value, { dateStyle: "medium", timeStyle: "short" }).format(new Date(time));
}

export function percent(part: number): string {
  return `${Math.floor(part * 100)} %`;
}

/** What a scan is called where it has no name of its own: its kind and when it was sent. */
export function scanName(modality: string | null | undefined, created: string): string {
  return `${modality ?? t("Scan")} · ${when(created)}`;
}
