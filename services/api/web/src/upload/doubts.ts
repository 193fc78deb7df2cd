/** What speaks against a scan before it is sent. */
import { t } from "../core/language";
import type { Warning } from "../core/types";
import type { Preview } from "../preview/types";

/** Distances between slices that differ by more than this are said; the service refuses such a series. */
const UNEVEN = 1.05;

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
  if (gaps && gaps[1] > gaps[0] * UNEVEN) {
    const detail = t("The distances between the slices differ, from {least} to {most} mm. The service will refuse this series.", {
      least: gaps[0].toFixed(2),
      most: gaps[1].toFixed(2),
    });
    found.push({ code: "uneven_gaps", detail });
  }
  return found;
}
