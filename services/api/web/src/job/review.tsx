/** Whether a person accepted the result: seen and set in its head. */
import { useState } from "preact/hooks";
import { api } from "../core/api";
import { t } from "../core/language";
import { REVIEWS } from "../core/review";
import { mayWrite } from "../core/session";
import type { Job, Review } from "../core/types";
import { when } from "../core/words";
import { failure, say } from "../ui/status";

export interface Reviewing {
  job: Job;
  choose: (review: Review) => void;
}

/** The job with the review state that was chosen last. */
export function useReview(opened: Job): Reviewing {
  const [job, setJob] = useState(opened);
  const choose = (review: Review): void => {
    if (!mayWrite() || review === (job.review ?? "unread")) return;
    api.describe(job.id, { review }).then((changed) => {
      setJob(changed);
      say(t("Review: {state}", { state: t(REVIEWS[review]) }));
    }, failure);
  };
  return { job, choose };
}

export function ReviewChoice({ job, choose }: Reviewing) {
  const review = job.review ?? "unread";
  const by = job.reviewed_by && job.reviewed_at ? t("{state} by {name}, {time}", { state: t(REVIEWS[review]), name: job.reviewed_by, time: when(job.reviewed_at) }) : t("Nobody has reviewed it");
  return (
    <span class={`review ${review}`} data-tip={by}>
      <select aria-label={t("Review")} aria-keyshortcuts="Y X U" value={review} onChange={(event) => choose(event.currentTarget.value as Review)}>
        {Object.entries(REVIEWS).map(([value, title]) => (
          <option key={value} value={value}>
            {t(title)}
          </option>
        ))}
      </select>
    </span>
  );
}
