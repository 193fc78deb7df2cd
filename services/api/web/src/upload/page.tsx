/** New scan: choose, look, send. */
import { t } from "../core/language";
import { go } from "../core/router";
import { mayWrite } from "../core/session";
import { Bar, Problems, Spinner } from "../ui/parts";
import { failure } from "../ui/status";
import { Confirm, type Options } from "./confirm";
import { choose, restart, send, step } from "./current";
import { DropZone } from "./drop";
import { Sending } from "./sending";

export function NewScan() {
  const now = step.value;
  if (!mayWrite()) return <p class="narrow">{t("Your key may look at results but not send scans.")}</p>;
  switch (now.name) {
    case "choose":
      return (
        <section class="new">
          <h1>{t("New scan")}</h1>
          <p class="lead">{t("Send an abdominal scan. The service outlines its organs, measures them and builds a model of them.")}</p>
          <DropZone onPick={(picked) => void choose(picked).catch(failure)} />
          <Problems text={now.problem} />
          <p class="muted sample">
            {t("No scan at hand?")} <a href="#/learn">{t("Look at a computed body")}</a> ·{" "}
            <button type="button" class="quiet small" onClick={() => void sendSample().catch(failure)}>
              {t("Send a computed scan")}
            </button>
          </p>
        </section>
      );
    case "reading":
      return <Waiting title={t("Reading the scan")} done={now.done} />;
    case "packing":
      return <Waiting title={t("Packing the scan")} done={now.done} />;
    case "sending":
      return <Sending transfer={now.transfer} />;
    case "confirm": {
      const { picked, preview, unseen } = now;
      const start = (options: Options): void => void send(picked, options, preview?.slices ?? 0);
      return <Confirm picked={picked} preview={preview} unseen={unseen} onStart={start} onBack={() => restart()} />;
    }
  }
}

async function sendSample(): Promise<void> {
  const { sampleJob } = await import("./sample");
  go(`jobs/${(await sampleJob()).id}`);
}

function Waiting({ title, done }: { title: string; done: number }) {
  return (
    <section class="narrow card">
      <h1>{title}</h1>
      <Spinner text={t("All of this happens in your browser")} />
      <Bar value={done} label={title} />
      <div class="row end">
        <button type="button" onClick={() => restart()}>
          {t("Cancel")}
        </button>
      </div>
    </section>
  );
}
