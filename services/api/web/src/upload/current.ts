/** The scan that is being chosen, looked at and sent. It lives above the pages: leaving the page leaves the upload alone. */
import { signal } from "@preact/signals";
import { api, sentence } from "../core/api";
import { t } from "../core/language";
import { go, route } from "../core/router";
import type { Preview } from "../preview/types";
import { note } from "../ui/status";
import { ask } from "./ask";
import type { Picked } from "./collect";
import type { Options } from "./confirm";
import { kindOf } from "./kinds";
import { Transfer } from "./transfer";

export type Step =
  | { name: "choose"; problem: string }
  | { name: "reading"; done: number }
  | { name: "confirm"; picked: Picked[]; preview: Preview | null; unseen: string }
  | { name: "packing"; done: number }
  | { name: "sending"; transfer: Transfer };

export const step = signal<Step>({ name: "choose", problem: "" });
let stop = new AbortController();

function aborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

export function restart(problem = ""): void {
  stop.abort();
  stop = new AbortController();
  step.value = { name: "choose", problem };
}

/** Reads picked files in this browser; what can be no scan is refused here. */
export async function choose(picked: Picked[]): Promise<void> {
  if (picked.length === 0) return restart(t("There are no files in this."));
  if ((await kindOf(picked)) === "other") {
    return restart(t("This is not a scan: the service reads DICOM, NIfTI, NRRD, MGH and Analyze files, PNG slices, and zip or tar archives of them."));
  }
  step.value = { name: "reading", done: 0 };
  try {
    const preview = await ask("preview", picked, (done) => (step.value = { name: "reading", done }), stop.signal);
    step.value = { name: "confirm", picked, preview, unseen: "" };
  } catch (error) {
    if (!aborted(error)) step.value = { name: "confirm", picked, preview: null, unseen: sentence(error) };
  }
}

/** Packs, sends and starts; opens the job if the user still looks at the upload. */
export async function send(picked: Picked[], options: Options, slices: number): Promise<void> {
  window.addEventListener("beforeunload", hold);
  try {
    step.value = { name: "packing", done: 0 };
    const packed = await ask("pack", picked, (done) => (step.value = { name: "packing", done }), stop.signal);
    const transfer = new Transfer(packed, options.spacing);
    step.value = { name: "sending", transfer };
    const scan = await transfer.run();
    const job = await api.start(scan.id, options.asked, `start-${scan.id}`);
    if (slices > 0) sessionStorage.setItem(`slices:${job.id}`, String(slices));
    step.value = { name: "choose", problem: "" };
    if (route.peek().page === "new") go(`jobs/${job.id}`);
    else note(t("The scan was sent."), { href: `#/jobs/${job.id}`, text: t("Open it") });
  } catch (error) {
    restart(aborted(error) ? "" : sentence(error));
    if (!aborted(error) && route.peek().page !== "new") note(t("The scan could not be sent."), { href: "#/new", text: t("See why") });
  } finally {
    window.removeEventListener("beforeunload", hold);
  }
}

/** The browser asks before the tab with an upload is closed. */
function hold(event: Event): void {
  event.preventDefault();
}
