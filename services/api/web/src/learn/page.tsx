/** Learn: the body by formula, its structures by name, and questions in four levels. No job and no queue. */
import "../styles/workspace.css";
import { lazy, Suspense } from "preact/compat";
import { useEffect, useMemo, useState } from "preact/hooks";
import { api, sentence } from "../core/api";
import { language, t } from "../core/language";
import { ResultState } from "../job/state";
import { Problems, Spinner } from "../ui/parts";
import { type Body, readBody } from "./body";
import bodyFile from "./body.glb?url";
import { Lesson } from "./lesson";
import { inSentence, titleOf } from "./names";
import { note, read } from "./progress";
import { type Level, LEVELS, questionsOf } from "./questions";

const Class = lazy(() => import("./class").then((module) => module.Class));

export function Learn() {
  const [bytes, setBytes] = useState<ArrayBuffer | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    const stop = new AbortController();
    api.bytes(bodyFile, stop.signal).then(setBytes, (error: unknown) => !stop.signal.aborted && setProblem(sentence(error)));
    return () => stop.abort();
  }, []);
  return (
    <section>
      <h1>{t("Learn")}</h1>
      <p class="lead">{t("A body by formula, with no patient in it. Turn it, look at it from all sides, then hide names and colours and find what is asked for.")}</p>
      <Problems text={problem} />
      {!bytes && !problem && <Spinner text={t("Opening the body")} />}
      {bytes && (
        <Suspense fallback={<Spinner text={t("Opening the body")} />}>
          <BodyClass key={language.value} bytes={bytes} />
        </Suspense>
      )}
    </section>
  );
}

function BodyClass({ bytes }: { bytes: ArrayBuffer }) {
  const body = useMemo(() => readBody(bytes), [bytes]);
  const [progress, setProgress] = useState(read);
  const [{ state, lessons }] = useState(() => prepare(body, (level, first, total) => setProgress(note(level, first, total))));
  const lesson = state.lesson.value ?? lessons.organ;
  const start = (level: Level): void => {
    state.selected.value = null;
    state.lesson.value = lessons[level];
    lessons[level].start();
  };
  return (
    <Class id="" state={state} lesson={lesson} source={() => Promise.resolve(bytes.slice(0))}>
      <h2>{t("Questions")}</h2>
      <div class="answers">
        {(Object.keys(LEVELS) as Level[]).map((level) => (
          <button key={level} type="button" class="level" onClick={() => start(level)}>
            <span>{t(LEVELS[level])}</span>
            <span class="muted">{bestOf(progress[level]?.best)}</span>
          </button>
        ))}
      </div>
      <p class="muted">{t("Your best round of each level is kept in this browser only.")}</p>
    </Class>
  );
}

function bestOf(best: number | undefined): string {
  return best === undefined ? t("not yet") : t("best {percent} %", { percent: Math.round(100 * best) });
}

type Ended = (level: Level, first: number, total: number) => void;

function prepare(body: Body, onEnd: Ended): { state: ResultState; lessons: Record<Level, Lesson> } {
  const organs = body.report.organs.map((organ) => ({ ...organ, title: titleOf(organ) }));
  const state = new ResultState({ ...body.report, organs });
  const byName = new Map(body.structures.map((structure) => [structure.name, structure]));
  const title = (name: string): string => inSentence(byName.get(name) ?? { name, title: name });
  const lessonOf = (level: Level): Lesson => new Lesson(() => questionsOf(body, level), title, (first, total) => onEnd(level, first, total));
  const lessons = { organ: lessonOf("organ"), part: lessonOf("part"), neighbour: lessonOf("neighbour"), side: lessonOf("side") };
  state.lesson.value = lessons.organ;
  state.plane.value = "none";
  return { state, lessons };
}
