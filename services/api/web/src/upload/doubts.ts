/** What speaks against a scan before it is sent. */
import { t } from "../core/language";
import type { Text } from "../core/languages/de";
import type { Model, Warning } from "../core/types";
import type { Preview } from "../preview/types";

/** Larger than what the service accepts in any series, so that nothing is said of one that it takes: mm, or part of the mean. */
const UNEVEN_MM = 0.2;
const UNEVEN_PART = 0.1;

type Card = Model["card"];

/** `cards` are those of the models in use. What all of them do not know is out of domain; without cards nothing is. */
export function doubts(preview: Preview, cards: readonly Card[]): Warning[] {
  const found: Warning[] = [];
  const { modality, gaps, slices } = preview;
  const trained = cards.flatMap((card) => card.modalities ?? []);
  if (modality && trained.length > 0 && !trained.includes(modality)) {
    const detail = t("Out of domain: this looks like a {modality}, and the model in use was trained on {trained}. Its outlines will be unreliable.", {
      modality,
      trained: trained.join(", "),
    });
    found.push({ code: "out_of_domain", detail });
  }
  const sizes = cards.map((card) => unusualSizes(preview, card));
  if (sizes.length > 0 && sizes.every((each) => each.length > 0)) found.push(...(sizes[0] ?? []));
  if (slices === 1) found.push({ code: "single_slice", detail: t("This is a single slice. The service needs a whole series and will refuse it.") });
  if (gaps && gaps[1] - gaps[0] > Math.max(UNEVEN_MM, (UNEVEN_PART * (gaps[0] + gaps[1])) / 2)) {
    const detail = t("The distances between the slices differ, from {least} to {most} mm. The service will refuse this series.", {
      least: gaps[0].toFixed(2),
      most: gaps[1].toFixed(2),
    });
    found.push({ code: "uneven_gaps", detail });
  }
  return found;
}

/** Pixels are the two smaller sides of a voxel, wherever the slices lie. */
function unusualSizes(preview: Preview, { domain }: Card): Warning[] {
  const { spacing, columns, rows, slices } = preview;
  if (!spacing || !domain) return [];
  const counts = [columns, rows, slices];
  const [small, middle, large] = spacing.map((size, axis) => ({ size, count: counts[axis] ?? 1 })).sort((a, b) => a.size - b.size);
  if (!small || !middle || !large) return [];
  const fieldOfView = Math.max(small.size * small.count, middle.size * middle.count);
  const sizes: [Text, number, [number, number] | null | undefined][] = [
    ["pixels", middle.size, domain.pixel_mm],
    ["distance between slices", large.size, domain.slice_mm],
    ["field of view", fieldOfView, domain.field_of_view_mm],
  ];
  return sizes.flatMap(([what, size, known]) => {
    if (!known || (size >= known[0] && size <= known[1])) return [];
    const values = { what: t(what), least: known[0], most: known[1], size: size.toPrecision(3) };
    return [{ code: "out_of_domain", detail: t("Out of domain: the model in use was trained on {least} to {most} mm ({what}), and this scan has {size} mm.", values) }];
  });
}
