/** A teacher's own questions, written beside a share link. */
import { useEffect, useState } from "preact/hooks";
import { api } from "../core/api";
import { t } from "../core/language";
import { MOST_LETTERS, MOST_QUESTIONS, type OwnQuestion } from "../learn/own";

interface Props {
  id: string;
  questions: readonly OwnQuestion[];
  onChange: (questions: OwnQuestion[]) => void;
}

export function Questions({ id, questions, onChange }: Props) {
  const [organs, setOrgans] = useState<{ name: string; title: string }[]>([]);
  useEffect(() => {
    api.report(id).then(
      (report) => setOrgans(report.organs.filter((organ) => organ.present)),
      () => setOrgans([]),
    );
  }, [id]);
  if (organs.length === 0) return null;
  const change = (at: number, part: Partial<OwnQuestion>): void => onChange(questions.map((question, other) => (other === at ? { ...question, ...part } : question)));
  const add = (): void => onChange([...questions, { text: "", organ: organs[0]?.name ?? "" }]);
  return (
    <details class="own-questions">
      <summary>{t("Questions for students")}</summary>
      <p class="muted">{t("They become a part of the link and are kept nowhere else. Names and colours are hidden while they are asked.")}</p>
      {questions.map((question, at) => (
        <fieldset key={at} class="row fields">
          <label class="grow">
            {t("Question {number}", { number: at + 1 })}
            <input value={question.text} maxLength={MOST_LETTERS} onInput={(event) => change(at, { text: event.currentTarget.value })} />
          </label>
          <label>
            {t("Right answer")}
            <select value={question.organ} onChange={(event) => change(at, { organ: event.currentTarget.value })}>
              {organs.map(({ name, title }) => (
                <option key={name} value={name}>
                  {title}
                </option>
              ))}
            </select>
          </label>
          <button type="button" class="quiet" onClick={() => onChange(questions.filter((_, other) => other !== at))}>
            {t("Remove question {number}", { number: at + 1 })}
          </button>
        </fieldset>
      ))}
      {questions.length < MOST_QUESTIONS && (
        <button type="button" onClick={add}>
          {t("Add a question")}
        </button>
      )}
    </details>
  );
}
