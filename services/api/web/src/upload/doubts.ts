/** What speaks against a scan before it is sent. */
import { t } from "../core/language";
import type { Warning } from "../core/types";
import type { Preview } from "../preview/types";

/** Larger than what the service accepts in any series, so that nothing is said of one that it takes: mm, or part of the mean. */
const UNEVEN_MM = 0.2;
const UNEVEN_PART = 0.1;

/** `trained` holds the kinds of scans that the models in use know; empty where that is unknown. */
export function doubts(preview: Preview, trained: readonly string[]): Warning[] {
  const found: Warning[] = [];
  const { modality, gaps, slices } = preview;
  if (modality && trained.length > 0 && !trained.includes(modality)) {
    const detail = t("Out of domain: this looks like a {modality}, and the model in use was trained on {trained}. Its outlines will be unreliable.", {
      modality,
      trained: trained.join(", "),
    });
    found.push({ code: "out_of_domain", detail });
  }
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
