/** A result as a workspace: organs on the left, slices and model beside them, everything else behind the bar above. */
import { useEffect, useRef, useState } from "preact/hooks";
import { api, sentence } from "../core/api";
import { t } from "../core/language";
import { Corrections } from "../correct/corrections";
import { maySend, session } from "../core/session";
import type { Job } from "../core/types";
import { followDrawing } from "../draw/follow";
import { ScenePanel } from "../scene/panel";
import { isForViews, sliceKey } from "../slices/keys";
import { SlicesPanel } from "../slices/panel";
import { Problems, Segments, Spinner, Warnings } from "../ui/parts";
import { MarkList } from "../measure/list";
import { type BarDialog, ResultBar } from "./bar";
import { Help } from "./help";
import { resultKey } from "./keys";
import { Organs } from "./organs";
import { reportPage } from "./report";
import { useReview } from "./review";
import { ResultState } from "./state";
import { nextUnsure, Unsure } from "./unsure";

export function Results({ job }: { job: Job }) {
  const [state, setState] = useState<ResultState | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    api.report(job.id).then(
      (report) => setState(new ResultState(report)),
      (error: unknown) => setProblem(sentence(error)),
    );
  }, [job.id]);
  if (problem) return <Problems text={problem} />;
  if (!state) return <Spinner text={t("Opening the result")} />;
  return <Workspace job={job} state={state} />;
}

type Tab = "slices" | "model" | "organs";

function Workspace({ job, state }: { job: Job; state: ResultState }) {
  const root = useRef<HTMLDivElement>(null);
  const [corrections] = useState(() => new Corrections(job.id, state));
  const slices = corrections.slices.value;
  const [tab, setTab] = useState<Tab>("slices");
  const [help, setHelp] = useState(false);
  const [open, setOpen] = useState<BarDialog>("");
  const reviewing = useReview(job);
  const confidence = state.report.confidence;
  const unsure = confidence?.low.length ? confidence : null;
  const acts = {
    help: () => setHelp(true),
    report: () => void window.open(reportPage(job.id, state.revision)),
    send: () => maySend() && job.links.deliveries && setOpen("send"),
    compare: () => session.value?.job === null && setOpen("compare"),
    review: reviewing.choose,
    unsure: () => slices && unsure && nextUnsure(slices, unsure),
  };
  useEffect(() => root.current?.focus(), []);
  useEffect(() => followDrawing(corrections), [corrections]);
  const pressed = (event: KeyboardEvent): void => {
    if (!isForViews(event)) return;
    if (!resultKey(event.key.toLowerCase(), acts, state, slices) && (!slices || !sliceKey(slices, event.key))) return;
    event.preventDefault();
  };
  return (
    <div class="workspace" data-tab={tab} tabIndex={-1} ref={root} onKeyDown={pressed}>
      <ResultBar reviewing={reviewing} state={state} corrections={corrections} open={open} setOpen={setOpen} onHelp={acts.help} />
      <div class="tabs">
        <Segments
          label={t("View")}
          value={tab}
          onChange={setTab}
          items={[
            ["slices", t("Slices")],
            ["model", t("Model")],
            ["organs", t("Organs")],
          ]}
        />
      </div>
      <div class="side-panel" role="region" aria-label={t("Organs and warnings")} tabIndex={0}>
        <Organs state={state} />
        {slices && unsure && <Unsure confidence={unsure} view={slices} />}
        {slices && <MarkList id={job.id} view={slices} stage={corrections.stage.value} />}
        {state.report.warnings.length > 0 && (
          <section aria-labelledby="warnings">
            <header class="panel-head">
              <h2 id="warnings">{t("Warnings")}</h2>
            </header>
            <Warnings items={state.report.warnings} />
          </section>
        )}
      </div>
      <SlicesPanel id={job.id} state={state} corrections={corrections} onOpen={(view) => (corrections.slices.value = view)} />
      <ScenePanel id={job.id} state={state} slices={slices} onOpen={(made) => (corrections.stage.value = made)} />
      {help && <Help modality={state.report.modality} onClose={() => setHelp(false)} />}
    </div>
  );
}
