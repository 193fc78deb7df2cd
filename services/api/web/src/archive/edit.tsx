/** Name, tags, note and review state of a job, in a dialog. */
import { useState } from "preact/hooks";
import { api, sentence } from "../core/api";
import { t } from "../core/language";
import { REVIEWS } from "../core/review";
import type { Job, Review } from "../core/types";
import { Dialog, Problems } from "../ui/parts";

interface Props {
  job: Job;
  onSaved: (job: Job) => void;
  onClose: () => void;
}

export function EditDialog({ job, onSaved, onClose }: Props) {
  const [name, setName] = useState(job.name ?? "");
  const [tags, setTags] = useState((job.tags ?? []).join(" "));
  const [note, setNote] = useState(job.note ?? "");
  const [review, setReview] = useState<Review>(job.review ?? "unread");
  const [problem, setProblem] = useState("");
  const save = (event: Event): void => {
    event.preventDefault();
    const words = tags.split(/[\s,]+/).filter(Boolean);
    api.describe(job.id, { name, note, tags: words, review }).then(onSaved, (error: unknown) => setProblem(sentence(error)));
  };
  return (
    <Dialog title={t("Describe the job")} onClose={onClose}>
      <form class="stack" onSubmit={save}>
        <label>
          {t("Name")}
          <input type="text" maxLength={200} value={name} onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <label>
          {t("Tags, one word each")}
          <input type="text" value={tags} onInput={(event) => setTags(event.currentTarget.value)} />
        </label>
        <label>
          {t("Note")}
          <textarea rows={4} maxLength={4000} value={note} onInput={(event) => setNote(event.currentTarget.value)} />
        </label>
        <label>
          {t("Review")}
          <select value={review} onChange={(event) => setReview(event.currentTarget.value as Review)}>
            {Object.entries(REVIEWS).map(([value, title]) => (
              <option key={value} value={value}>
                {t(title)}
              </option>
            ))}
          </select>
        </label>
        <p class="muted">{t("These texts stay on this server, and guests of a share link do not see them.")}</p>
        <Problems text={problem} />
        <div class="row end">
          <button type="submit" class="primary">
            {t("Save")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
