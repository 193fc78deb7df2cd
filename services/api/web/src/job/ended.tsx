/** A job that ended without a result, in plain words and with a way on. */
import { t } from "../core/language";
import type { Text } from "../core/languages/de";
import type { Job } from "../core/types";
import { when } from "../core/words";

const ADVICE: Record<string, Text> = {
  mixed_series: "Send one series at a time.",
  bad_geometry: "Send the whole series, with even distances between its slices.",
  too_few_slices: "Send the whole series, not a single image.",
  missing_spacing: "Send it again and give the voxel size before you start.",
  corrupt_scan: "Export the scan again: some of its files are damaged.",
  worker_lost: "Try again; if it happens again, ask who runs this service.",
  timeout: "Try again when fewer jobs wait.",
};

export function Ended({ job }: { job: Job }) {
  const advice = ADVICE[job.error?.code ?? ""];
  const cancelled = job.state === "cancelled";
  return (
    <section class="narrow card">
      <h1>{cancelled ? t("Cancelled") : t("This scan could not be processed")}</h1>
      {cancelled && <p>{t("The job was cancelled.")} {job.ended ? when(job.ended) : ""}</p>}
      {job.error && (
        <div class="problem" role="alert">
          <p>{job.error.detail}</p>
          {advice && <p>{t(advice)}</p>}
          <p class="muted">
            {t("Code")} <code>{job.error.code}</code>
          </p>
        </div>
      )}
      <a class="button primary" href="#/new">
        {t("Send another scan")}
      </a>
    </section>
  );
}
