/** The sample case on the stage, with the lesson beside it. */
import { useEffect, useState } from "preact/hooks";
import { api, sentence } from "../core/api";
import { css } from "../core/organs";
import { t } from "../core/language";
import type { Text } from "../core/languages/de";
import type { Job } from "../core/types";
import { ResultState } from "../job/state";
import { ScenePanel } from "../scene/panel";
import type { OrganStage } from "../scene/stage";
import { Problems, Spinner } from "../ui/parts";
import { EnterButtons } from "../xr/buttons";
import { Lesson } from "./lesson";

const COLOURS: Record<number, Text> = { 1: "The yellow one", 2: "The blue one", 3: "The red one" };

export function Class({ job }: { job: Job }) {
  const [state, setState] = useState<ResultState | null>(null);
  const [stage, setStage] = useState<OrganStage | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    api.report(job.id).then(
      (report) => {
        const made = new ResultState(report);
        made.lesson.value = new Lesson(made.organs);
        made.plane.value = "none";
        setState(made);
      },
      (error: unknown) => setProblem(sentence(error)),
    );
  }, [job.id]);
  if (problem) return <Problems text={problem} />;
  const lesson = state?.lesson.value;
  if (!state || !lesson) return <Spinner text={t("Opening the sample case")} />;
  return (
    <div class="learn">
      <ScenePanel id={job.id} state={state} slices={null} onOpen={setStage} onPick={(name) => lesson.answer(name)} />
      <aside class="card">
        <Quiz lesson={lesson} state={state} />
        <div class="row">
          <EnterButtons stage={stage} state={state} />
        </div>
        <p class="muted">{t("In a headset the board beside the organs asks the same questions.")}</p>
      </aside>
    </div>
  );
}

function Quiz({ lesson, state }: { lesson: Lesson; state: ResultState }) {
  const asked = lesson.asked.value;
  const chosen = state.selected.value ? state.spoken(state.selected.value) : null;
  return (
    <>
      <h2>{asked ? t("Find the {organ}", { organ: asked.title.toLowerCase() }) : t("Find the organ")}</h2>
      <div aria-live="polite">
        {lesson.told.value && <p>{lesson.told.value}</p>}
        {!asked && chosen && (
          <p>
            <strong>{chosen.title}</strong>, {chosen.volume}
          </p>
        )}
        {asked && (
          <p class="muted">
            {t("Question {number} of {count}, {wrong} wrong so far", { number: lesson.right.value + 1, count: lesson.total, wrong: lesson.wrong.value })}
          </p>
        )}
      </div>
      <p class="muted">{asked ? t("Click it in the model, or answer here:") : t("Click an organ, or choose it here:")}</p>
      <div class="answers">
        {state.organs.map((organ) => (
          <button
            key={organ.name}
            type="button"
            class="organ"
            onClick={() => {
              if (!lesson.answer(organ.name)) state.selected.value = organ.name;
            }}
          >
            <span class="swatch" style={{ background: css(organ.colour) }} aria-hidden="true" />
            {lesson.names.value ? organ.title : t(COLOURS[organ.label] ?? "The grey one")}
          </button>
        ))}
      </div>
      <label class="choice">
        <input
          type="checkbox"
          checked={lesson.names.value}
          disabled={asked !== null}
          onChange={(event) => (lesson.names.value = event.currentTarget.checked)}
        />
        {t("Show the organs' names")}
      </label>
      <div class="row">
        <button
          type="button"
          class={asked ? "" : "primary"}
          onClick={() => {
            state.selected.value = null;
            if (asked) lesson.stop();
            else lesson.start();
          }}
        >
          {asked ? t("End the quiz") : t("Start the quiz")}
        </button>
      </div>
    </>
  );
}
