/** A model with a lesson beside it: the body by formula, or a result with a teacher's own questions. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { t } from "../core/language";
import { css } from "../core/organs";
import type { OrganState, ResultState } from "../job/state";
import { ScenePanel } from "../scene/panel";
import type { OrganStage } from "../scene/stage";
import { EnterButtons } from "../xr/buttons";
import type { Lesson } from "./lesson";
import { shuffled } from "./questions";

interface Props {
  /** The job whose model is shown; empty where `source` loads it. */
  id: string;
  state: ResultState;
  lesson: Lesson;
  source?: (stop: AbortSignal) => Promise<ArrayBuffer>;
  /** What is above the answers while nothing is asked. */
  children?: ComponentChildren;
}

export function Class({ id, state, lesson, source, children }: Props) {
  const [stage, setStage] = useState<OrganStage | null>(null);
  return (
    <div class="learn">
      <ScenePanel id={id} state={state} slices={null} onOpen={setStage} onPick={(name) => lesson.answer(name)} {...(source ? { source } : {})} />
      <aside class="card">
        {lesson.asked.value ? <Asking lesson={lesson} state={state} /> : <Looking lesson={lesson} state={state}>{children}</Looking>}
        <div class="row">
          <EnterButtons stage={stage} state={state} />
        </div>
        <p class="muted">{t("In a headset the board beside the organs asks the same questions.")}</p>
      </aside>
    </div>
  );
}

function Looking({ lesson, state, children }: { lesson: Lesson; state: ResultState; children: ComponentChildren }) {
  const chosen = state.selected.value ? state.spoken(state.selected.value) : null;
  return (
    <>
      <div aria-live="polite">
        {lesson.said.value && <p>{lesson.said.value}</p>}
        {chosen && (
          <p>
            <strong>{chosen.title}</strong>, {chosen.volume}
          </p>
        )}
      </div>
      {children}
      <p class="muted">{t("Click an organ, or choose it here:")}</p>
      <div class="answers many">
        {state.organs.map((organ) => (
          <button key={organ.name} type="button" class="organ" aria-pressed={state.selected.value === organ.name} onClick={() => (state.selected.value = organ.name)}>
            <span class="swatch" style={{ background: css(organ.colour) }} aria-hidden="true" />
            {organ.title}
          </button>
        ))}
      </div>
    </>
  );
}

function Asking({ lesson, state }: { lesson: Lesson; state: ResultState }) {
  const values = { number: lesson.done.value + 1, count: lesson.total.value, wrong: lesson.wrong.value };
  return (
    <>
      <div aria-live="polite">
        {lesson.said.value && <p>{lesson.said.value}</p>}
        <h2>{lesson.asked.value?.text}</h2>
        <p class="muted">{t("Question {number} of {count}, {wrong} wrong so far", values)}</p>
      </div>
      {lesson.choices.value ? <Choices lesson={lesson} /> : <Unnamed lesson={lesson} state={state} />}
      <div class="row">
        <button type="button" onClick={() => lesson.skip()}>
          {t("Show the answer")}
        </button>
        <button
          type="button"
          onClick={() => {
            state.selected.value = null;
            lesson.stop();
          }}
        >
          {t("End the quiz")}
        </button>
      </div>
    </>
  );
}

function Choices({ lesson }: { lesson: Lesson }) {
  return (
    <div class="answers">
      {lesson.choices.value?.map(({ name, title }) => (
        <button key={name} type="button" class="organ" onClick={() => lesson.answer(name)}>
          {title}
        </button>
      ))}
    </div>
  );
}

/** Structures by number, in an order that says nothing: the one with the focus lights up in the model. */
function Unnamed({ lesson, state }: { lesson: Lesson; state: ResultState }) {
  const [order] = useState<OrganState[]>(() => shuffled([...state.organs]));
  return (
    <>
      <p class="muted">{t("Click it in the model. By keyboard: Tab lights up one structure after the other, Enter answers.")}</p>
      <div class="answers many">
        {order.map((organ, at) => (
          <button
            key={organ.name}
            type="button"
            class="organ"
            onFocus={() => (state.selected.value = organ.name)}
            onBlur={() => (state.selected.value = null)}
            onClick={() => lesson.answer(organ.name)}
          >
            {t("Structure {number}", { number: at + 1 })}
          </button>
        ))}
      </div>
    </>
  );
}
