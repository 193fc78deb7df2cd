/** A job that ended without a result, in plain words and with a way on. */
import type { Job } from "../core/types";
import { when } from "../core/words";

const ADVICE: Record<string, string> = {
  mixed_series: "Send one series at a time.",
  bad_geometry: "Send the whole series, with even distances between its slices.",
  too_few_slices: "Send the whole series, not a single image.",
  missing_spacing: "Send it again and give the voxel size before you start.",
  corrupt_scan: "Export the scan again: some of its files are damaged.",
  worker_lost: "Try again; if it happens again, tell who runs this service.",
  timeout: "Try again when less is waiting.",
};

export function Ended({ job }: { job: Job }) {
  const cancelled = job.state === "cancelled";
  return (
    <section class="narrow card">
      <h1>{cancelled ? "Cancelled" : "This scan could not be processed"}</h1>
      {cancelled && <p>The job was cancelled {job.ended ? when(job.ended) : ""}.</p>}
      {job.error && (
        <div class="problem" role="alert">
          <p>{job.error.detail}</p>
          {ADVICE[job.error.code] && <p>{ADVICE[job.error.code]}</p>}
          <p class="muted">
            Code <code>{job.error.code}</code>
          </p>
        </div>
      )}
      <a class="button primary" href="#/new">
        Send another scan
      </a>
    </section>
  );
}
