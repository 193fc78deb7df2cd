/** The bar above a result: its name, and what can be done with it as a whole. */
import { api } from "../core/api";
import { t } from "../core/language";
import type { Corrections } from "../correct/corrections";
import { VersionNote, Versions } from "../correct/versions";
import { go } from "../core/router";
import { maySend, mayWrite, session } from "../core/session";
import type { Report } from "../core/types";
import { scanName } from "../core/words";
import { PhoneButtons } from "../phone/buttons";
import { Icon } from "../ui/icon";
import { ChooseStudy, SendDialog, ShareDialog } from "../ui/lazy";
import { Confirm, Tool } from "../ui/parts";
import { failure, say } from "../ui/status";
import { EnterButtons } from "../xr/buttons";
import { Downloads } from "./downloads";
import { nextWarning } from "./keys";
import { reportPage } from "./report";
import { ReviewChoice, type Reviewing } from "./review";
import type { ResultState } from "./state";

interface Props {
  reviewing: Reviewing;
  state: ResultState;
  corrections: Corrections;
  open: BarDialog;
  setOpen: (dialog: BarDialog) => void;
  onHelp: () => void;
}

/** Which dialog of the bar is open. */
export type BarDialog = "" | "compare" | "share" | "send" | "delete" | "downloads";

function warningCount(report: Report): number {
  return report.warnings.length + report.organs.filter(({ present }) => present).reduce((sum, { warnings }) => sum + warnings.length, 0);
}

export function ResultBar({ reviewing, state, corrections, open, setOpen, onHelp }: Props) {
  const { job } = reviewing;
  const warnings = warningCount(state.report);
  const close = (): void => setOpen("");
  const erase = (): void => {
    api.erase(job.id).then(() => {
      say(t("The result and its scan were deleted"));
      go("archive");
    }, failure);
    close();
  };
  return (
    <header class="bar">
      <h1>{job.name || scanName(state.report.modality, job.created)}</h1>
      {warnings > 0 && (
        <button type="button" class="badge warn" aria-keyshortcuts="M" data-tip={`${t("Next organ with a warning")}  M`} onClick={() => nextWarning(state)}>
          {warnings === 1 ? t("1 warning") : t("{n} warnings", { n: warnings })}
        </button>
      )}
      <VersionNote corrections={corrections} />
      {mayWrite() && <ReviewChoice {...reviewing} />}
      <div class="actions">
        <EnterButtons stage={corrections.stage.value} state={state} corrections={corrections} />
        <PhoneButtons id={job.id} usdz={corrections.files(job.links)["model.usdz"]} />
        <Versions corrections={corrections} />
        {session.value?.job === null && <Tool icon="compare" title={t("Compare with…")} keys="B" onClick={() => setOpen("compare")} />}
        <a class="tool" href={reportPage(job.id, state.revision)} target="_blank" aria-label={t("Report")} aria-keyshortcuts="D" data-tip={`${t("Report")}  D`}>
          <Icon name="report" />
        </a>
        <Tool icon="download" title={t("Downloads")} onClick={() => setOpen("downloads")} />
        {maySend() && job.links.deliveries && <Tool icon="send" title={t("Send to a PACS")} keys="T" onClick={() => setOpen("send")} />}
        {mayWrite() && (
          <>
            <Tool icon="share" title={t("Share")} onClick={() => setOpen("share")} />
            <Tool icon="trash" title={t("Delete")} danger onClick={() => setOpen("delete")} />
          </>
        )}
        <Tool icon="help" title={t("Keys and mouse")} keys="?" onClick={onHelp} />
      </div>
      {open === "downloads" && <Downloads links={corrections.files(job.links)} onClose={close} />}
      {open === "compare" && <ChooseStudy id={job.id} without={[job.id]} onChoose={(other) => go(`compare/${other}/${job.id}`)} onClose={close} />}
      {open === "send" && <SendDialog ids={[job.id]} onClose={close} />}
      {open === "share" && <ShareDialog id={job.id} onClose={close} />}
      {open === "delete" && (
        <Confirm
          title={t("Delete this result?")}
          text={t("The scan, the outlines and the model are erased for everybody. Only a line in the audit record stays.")}
          action={t("Delete")}
          onYes={erase}
          onClose={close}
        />
      )}
    </header>
  );
}
