/** An upload in the header of every page. */
import { t } from "../core/language";
import { route } from "../core/router";
import { percent } from "../core/words";
import { Icon } from "../ui/icon";
import { step } from "./current";

export function UploadChip() {
  const now = step.value;
  if (route.value.page === "new" || (now.name !== "packing" && now.name !== "sending")) return null;
  const paused = now.name === "sending" && now.transfer.state.value === "paused";
  const done = now.name === "sending" ? now.transfer.sent.value : 0;
  return (
    <a class="upload-chip" href="#/new" aria-label={t("The scan is being sent: {percent}", { percent: percent(done) })}>
      <Icon name={paused ? "pause" : "share"} size={16} />
      {percent(done)}
    </a>
  );
}
