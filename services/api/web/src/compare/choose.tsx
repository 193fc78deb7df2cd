/** A dialog that chooses a study to compare with: those of the same patient first. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../core/api";
import { t } from "../core/language";
import { when } from "../core/words";
import { Dialog, Problems, Spinner } from "../ui/parts";
import { type Choice, choicesFor } from "./studies";

interface Props {
  id: string;
  /** Studies that are compared already. */
  without: readonly string[];
  onChoose: (id: string) => void;
  onClose: () => void;
}

const TYPING_MS = 250;

export function ChooseStudy({ id, without, onChoose, onClose }: Props) {
  const [text, setText] = useState("");
  const [found, setFound] = useState<{ same: Choice[]; others: Choice[] } | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    let current = true;
    const search = (): void => {
      choicesFor(id, without, text).then(
        (choices) => current && setFound(choices),
        (error: unknown) => current && setProblem(sentence(error)),
      );
    };
    const timer = setTimeout(search, text ? TYPING_MS : 0);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [text]);
  const nothing = found && found.same.length + found.others.length === 0;
  return (
    <Dialog title={t("Compare with…")} onClose={onClose}>
      <input type="search" aria-label={t("Search by name, tag, date or number")} placeholder={t("Search by name, tag, date or number")} value={text} onInput={(event) => setText(event.currentTarget.value)} />
      <Problems text={problem} />
      {!found && !problem && <Spinner text={t("Looking for studies")} />}
      {found && <Choices title={t("Same patient")} items={found.same} onChoose={onChoose} />}
      {found && <Choices title={t("Other studies")} items={found.others} onChoose={onChoose} />}
      {nothing && <p class="muted">{t("No results")}</p>}
    </Dialog>
  );
}

function Choices({ title, items, onChoose }: { title: string; items: readonly Choice[]; onChoose: (id: string) => void }) {
  if (items.length === 0) return null;
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      <ul class="choices">
        {items.map(({ job, title: name }) => (
          <li key={job.id}>
            <button type="button" class="menu-item" onClick={() => onChoose(job.id)}>
              <span>{name}</span>
              <small class="muted">{when(job.created)}</small>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
