/** New scan: choose, look, send. */
import { useRef, useState } from "preact/hooks";
import { api, sentence } from "../core/api";
import { go } from "../core/router";
import { mayWrite } from "../core/session";
import type { Preview } from "../preview/types";
import { Problems, Spinner } from "../ui/parts";
import { failure } from "../ui/status";
import { ask } from "./ask";
import type { Picked } from "./collect";
import { Confirm, type Options } from "./confirm";
import { DropZone } from "./drop";
import { Sending } from "./sending";
import { Transfer } from "./transfer";

type Step =
  | { name: "choose"; problem: string }
  | { name: "reading"; done: number }
  | { name: "confirm"; picked: Picked[]; preview: Preview | null; unseen: string }
  | { name: "packing"; done: number }
  | { name: "sending"; transfer: Transfer };

function aborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

export function NewScan() {
  const [step, setStep] = useState<Step>({ name: "choose", problem: "" });
  const stop = useRef(new AbortController());
  const restart = (problem = ""): void => {
    stop.current.abort();
    stop.current = new AbortController();
    setStep({ name: "choose", problem });
  };
  const choose = async (picked: Picked[]): Promise<void> => {
    if (picked.length === 0) return restart("There are no files in this.");
    setStep({ name: "reading", done: 0 });
    try {
      const preview = await ask("preview", picked, (done) => setStep({ name: "reading", done }), stop.current.signal);
      setStep({ name: "confirm", picked, preview, unseen: "" });
    } catch (error) {
      if (!aborted(error)) setStep({ name: "confirm", picked, preview: null, unseen: sentence(error) });
    }
  };
  const send = async (picked: Picked[], options: Options, slices: number): Promise<void> => {
    try {
      setStep({ name: "packing", done: 0 });
      const packed = await ask("pack", picked, (done) => setStep({ name: "packing", done }), stop.current.signal);
      const transfer = new Transfer(packed, options.spacing);
      setStep({ name: "sending", transfer });
      const scan = await transfer.run();
      const job = await api.start(scan.id, options.asked, `start-${scan.id}`);
      if (slices > 0) sessionStorage.setItem(`slices:${job.id}`, String(slices));
      go(`jobs/${job.id}`);
    } catch (error) {
      restart(aborted(error) ? "" : sentence(error));
    }
  };
  if (!mayWrite()) return <p class="narrow">Your key may look at results but not send scans.</p>;
  switch (step.name) {
    case "choose":
      return (
        <section>
          <h1>New scan</h1>
          <p class="lead">An abdominal MR or CT goes in, its stomach and bowel come out: as outlines and as a model you can turn.</p>
          <DropZone onPick={(picked) => void choose(picked).catch(failure)} />
          <Problems text={step.problem} />
        </section>
      );
    case "reading":
      return <Waiting title="Reading the scan" done={step.done} onStop={() => restart()} />;
    case "packing":
      return <Waiting title="Packing the scan" done={step.done} onStop={() => restart()} />;
    case "sending":
      return <Sending transfer={step.transfer} />;
    case "confirm": {
      const { picked, preview, unseen } = step;
      const start = (options: Options): void => void send(picked, options, preview?.slices ?? 0);
      return <Confirm picked={picked} preview={preview} unseen={unseen} onStart={start} onBack={() => restart()} />;
    }
  }
}

function Waiting({ title, done, onStop }: { title: string; done: number; onStop: () => void }) {
  return (
    <section class="narrow card">
      <h1>{title}</h1>
      <Spinner text="All of this happens in your browser" />
      <progress max={1} value={done} aria-label={title} />
      <div class="row end">
        <button type="button" onClick={onStop}>
          Cancel
        </button>
      </div>
    </section>
  );
}
