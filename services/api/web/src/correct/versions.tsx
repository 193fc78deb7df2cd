/** In the head of a result: its versions, what is being saved, and the way back. */
import { t } from "../core/language";
import { mayWrite } from "../core/session";
import { when } from "../core/words";
import { Menu, MenuItem, Tool } from "../ui/parts";
import { failure } from "../ui/status";
import type { Corrections } from "./corrections";

/** What the reader has to know of the version that is shown. */
export function VersionNote({ corrections }: { corrections: Corrections }) {
  const { busy, isNewest, newest, state } = corrections;
  if (busy.value) {
    return (
      <span class="version-note">
        <span class="spinner" aria-hidden="true" />
        <span>{busy.value}</span>
      </span>
    );
  }
  if (isNewest.value) return null;
  return (
    <span class="version-note" role="status">
      <span class="badge warn">{t("Version {n} of {newest}, read-only", { n: state.revision, newest: newest.value })}</span>
    </span>
  );
}

export function Versions({ corrections }: { corrections: Corrections }) {
  const { revisions, state, undoable, busy, isNewest } = corrections;
  return (
    <>
      {mayWrite() && undoable.value && (
        <Tool icon="undo" title={t("Undo last correction")} disabled={busy.value !== ""} onClick={() => corrections.undo().catch(failure)} />
      )}
      {revisions.value.length > 0 && (
        <Menu icon="history" title={t("Versions")} pressed={!isNewest.value}>
          {(close) =>
            revisions.value.map((revision) => (
              <MenuItem
                key={revision.revision}
                title={`${revision.revision} · ${corrections.author(revision)}${revision.edited_at ? ` · ${when(revision.edited_at)}` : ""}`}
                chosen={revision.revision === state.revision}
                onClick={() => {
                  close();
                  corrections.show(revision.revision).catch(failure);
                }}
              />
            ))
          }
        </Menu>
      )}
    </>
  );
}
