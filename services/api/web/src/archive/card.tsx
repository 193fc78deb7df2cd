/** One job in the archive. */
import { useState } from "preact/hooks";
import { css, colourOf } from "../core/organs";
import type { Job, Report } from "../core/types";
import { organVolume, percent, when } from "../core/words";

const STATES: Record<Job["state"], string> = {
  queued: "Waiting",
  running: "Running",
  succeeded: "Finished",
  failed: "Failed",
  cancelled: "Cancelled",
};

interface Props {
  job: Job;
  report: Report | undefined;
  writable: boolean;
  onShare: () => void;
  onDelete: () => void;
}

export function Card({ job, report, writable, onShare, onDelete }: Props) {
  const picture = job.links["thumbnail.png"];
  const title = when(job.created);
  return (
    <li class="job-card">
      <a href={`#/jobs/${job.id}`} class="job-open">
        <span class="job-picture">
          {picture ? <Picture source={picture} /> : <span class="muted">{STATES[job.state]}</span>}
        </span>
        <span class="job-title">
          {report?.modality ? `${report.modality} · ` : ""}
          {title}
        </span>
      </a>
      <span class={`state ${job.state}`}>
        {STATES[job.state]}
        {job.state === "running" && ` ${percent(job.progress)}`}
      </span>
      {job.error && <p>{job.error.detail}</p>}
      {report && (
        <ul class="plain">
          {report.organs
            .filter((organ) => organ.present)
            .map((organ) => (
              <li key={organ.name}>
                <span class="swatch" style={{ background: css(colourOf(organ)) }} aria-hidden="true" />
                {organ.title} <span class="muted">{organVolume(organ)}</span>
              </li>
            ))}
        </ul>
      )}
      {report && report.warnings.length > 0 && <p class="muted">{report.warnings.length} to mind</p>}
      {writable && (
        <div class="row end">
          {job.state === "succeeded" && (
            <button type="button" class="quiet" onClick={onShare} aria-label={`Share the result of ${title}`}>
              Share
            </button>
          )}
          <button type="button" class="danger quiet" onClick={onDelete} aria-label={`Delete the job of ${title}`}>
            Delete
          </button>
        </div>
      )}
    </li>
  );
}

const TRIES = 10;
const PAUSE = 3000;

/** The picture of a result. The server draws it at its first request; while that takes long, it is requested again. */
function Picture({ source }: { source: string }) {
  const [attempt, setAttempt] = useState(0);
  const again = () => {
    if (attempt < TRIES) setTimeout(() => setAttempt(attempt + 1), PAUSE);
  };
  return <img key={attempt} src={source} alt="" loading="lazy" width={256} height={256} onError={again} />;
}
