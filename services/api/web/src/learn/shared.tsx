/** A result with a teacher's own questions, from a share link. */
import "../styles/workspace.css";
import { useEffect, useState } from "preact/hooks";
import { api, sentence } from "../core/api";
import { t } from "../core/language";
import { ResultState } from "../job/state";
import { Problems, Spinner } from "../ui/parts";
import { Class } from "./class";
import { Lesson } from "./lesson";
import { asQuestions, decode } from "./own";

export function OwnLesson({ id, lesson: text }: { id: string; lesson: string }) {
  const [opened, setOpened] = useState<{ state: ResultState; lesson: Lesson; count: number } | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    api.report(id).then(
      (report) => {
        const state = new ResultState(report);
        const asked = asQuestions(decode(text), state.organs);
        const lesson = new Lesson(() => asked, (name) => state.organ(name)?.title ?? name);
        state.lesson.value = lesson;
        state.plane.value = "none";
        setOpened({ state, lesson, count: asked.length });
      },
      (error: unknown) => setProblem(sentence(error)),
    );
  }, [id]);
  if (problem) return <Problems text={problem} />;
  if (!opened) return <Spinner text={t("Opening the result")} />;
  const { state, lesson, count } = opened;
  return (
    <section>
      <h1>{t("Questions about this result")}</h1>
      {count === 0 && <Problems text={t("The link has no question about this result: ask for it again.")} />}
      <Class id={id} state={state} lesson={lesson}>
        <div class="row">
          <button type="button" class="primary" disabled={count === 0} onClick={() => lesson.start()}>
            {t("Start the quiz")}
          </button>
          <a class="button" href={`#/jobs/${id}`}>
            {t("The result without questions")}
          </a>
        </div>
      </Class>
    </section>
  );
}
