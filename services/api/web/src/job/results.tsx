/** A result: slices and model side by side, the organs' table below, downloads, sharing, the headset. */
import { useEffect, useState } from "preact/hooks";
import { api, sentence } from "../core/api";
import { go } from "../core/router";
import { mayWrite } from "../core/session";
import type { Job, Report } from "../core/types";
import { when } from "../core/words";
import { ScenePanel } from "../scene/panel";
import type { OrganStage } from "../scene/stage";
import { ShareDialog } from "../share/dialog";
import { SlicesPanel } from "../slices/panel";
import type { SliceView } from "../slices/view";
import { Confirm, Problems, Spinner, Warnings } from "../ui/parts";
import { failure, say } from "../ui/status";
import { EnterButtons } from "../xr/buttons";
import { Downloads } from "./downloads";
import { ResultState } from "./state";
import { OrganTable } from "./table";

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
  if (!state) return <Spinner text="Opening the result" />;
  return <Opened job={job} state={state} />;
}

function Opened({ job, state }: { job: Job; state: ResultState }) {
  const [slices, setSlices] = useState<SliceView | null>(null);
  const [stage, setStage] = useState<OrganStage | null>(null);
  return (
    <div class="results">
      <Head job={job} report={state.report} stage={stage} state={state} />
      <Warnings items={state.report.warnings} />
      <div class="side-by-side">
        <SlicesPanel id={job.id} state={state} onOpen={setSlices} />
        <ScenePanel id={job.id} state={state} slices={slices} onOpen={setStage} />
      </div>
      <div class="below">
        <OrganTable state={state} />
        <Downloads job={job} />
      </div>
    </div>
  );
}

interface HeadProps {
  job: Job;
  report: Report;
  stage: OrganStage | null;
  state: ResultState;
}

function Head({ job, report, stage, state }: HeadProps) {
  const [open, setOpen] = useState<"" | "share" | "delete">("");
  const erase = (): void => {
    api.erase(job.id).then(() => {
      say("The result and its scan were deleted");
      go("archive");
    }, failure);
    setOpen("");
  };
  return (
    <header class="result-head">
      <div>
        <h1>Result</h1>
        <p class="muted">
          {when(job.created)} · {report.modality ?? "scan"} · {report.quality} model · {report.triangles.toLocaleString()} triangles
        </p>
      </div>
      <div class="row">
        <EnterButtons stage={stage} state={state} />
        {mayWrite() && (
          <>
            <button type="button" onClick={() => setOpen("share")}>
              Share
            </button>
            <button type="button" class="danger" onClick={() => setOpen("delete")}>
              Delete
            </button>
          </>
        )}
      </div>
      {open === "share" && <ShareDialog id={job.id} onClose={() => setOpen("")} />}
      {open === "delete" && (
        <Confirm
          title="Delete this result?"
          text="The scan, the outlines and the model are erased for everybody. Only a line in the audit record stays."
          action="Delete"
          onYes={erase}
          onClose={() => setOpen("")}
        />
      )}
    </header>
  );
}
