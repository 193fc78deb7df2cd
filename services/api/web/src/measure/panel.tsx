/** The list of measurements: go to one, name it, delete it, take all of them home. */
import { useRef, useState } from "preact/hooks";
import { api } from "../core/api";
import { t } from "../core/language";
import { mayWrite } from "../core/session";
import { centreOf, type Mark, markText } from "../slices/marks";
import { PLANES } from "../slices/overlay";
import type { SliceView } from "../slices/view";
import { Icon } from "../ui/icon";
import { Menu, MenuItem, Problems } from "../ui/parts";
import { failure, say } from "../ui/status";
import type { Keeper } from "./keeper";

const ICONS = { length: "ruler", angle: "angle", area: "roi", probe: "probe" } as const;

interface Props {
  id: string;
  view: SliceView;
  keeper: Keeper;
}

export function MarkPanel({ id, view, keeper }: Props) {
  const marks = view.marks.value;
  const writes = mayWrite();
  return (
    <section aria-labelledby="marks" class="marks">
      <header class="panel-head">
        <h2 id="marks">{t("Measurements")}</h2>
        {keeper.loaded.value && marks.length > 0 && <Export id={id} isDicom={view.state.report.source === "dicom"} />}
      </header>
      <Problems text={keeper.problem.value} />
      {!writes && marks.some(({ own }) => own) && <p class="muted inset">{t("What you measure here is not saved.")}</p>}
      <ul class="organ-list">
        {marks.map((mark) => (
          <Row key={mark.id} mark={mark} view={view} mayChange={writes || mark.own} />
        ))}
      </ul>
    </section>
  );
}

function Row({ mark, view, mayChange }: { mark: Mark; view: SliceView; mayChange: boolean }) {
  const [naming, setNaming] = useState(false);
  const pencil = useRef<HTMLButtonElement>(null);
  const value = markText(view.volume, mark);
  const go = (): void => {
    view.active.value = mark.orientation;
    if (view.layout.peek() !== "all") view.layout.value = mark.orientation;
    view.goTo(centreOf(mark));
  };
  const named = (): void => {
    setNaming(false);
    pencil.current?.focus();
  };
  const remove = (event: Event): void => {
    (event.currentTarget as HTMLElement).closest<HTMLElement>(".workspace")?.focus();
    view.remove(mark.id);
    say(t("The measurement was deleted"));
  };
  return (
    <li class="organ-row">
      <div class="organ-line">
        <button type="button" class="organ" onClick={go}>
          <Icon name={ICONS[mark.kind]} size={16} />
          <span class="name">{value}</span>
        </button>
        <span class="muted">{t(PLANES[mark.orientation])}</span>
        {mayChange && (
          <>
            <button ref={pencil} type="button" class="tool isolate" aria-label={t("Change the name of {value}", { value })} data-tip={t("Name")} onClick={() => setNaming(true)}>
              <Icon name="edit" size={16} />
            </button>
            <button type="button" class="tool isolate" aria-label={t("Delete {value}", { value })} data-tip={t("Delete")} onClick={remove}>
              <Icon name="close" size={16} />
            </button>
          </>
        )}
      </div>
      {naming ? <NameField mark={mark} view={view} onDone={named} /> : mark.label && <p class="mark-label">{mark.label}</p>}
    </li>
  );
}

function NameField({ mark, view, onDone }: { mark: Mark; view: SliceView; onDone: () => void }) {
  const done = useRef(false);
  const end = (): void => {
    if (!done.current) onDone();
    done.current = true;
  };
  const save = (input: HTMLInputElement): void => {
    if (done.current) return;
    const label = input.value.trim();
    if (label !== mark.label) view.rename(mark.id, label);
    end();
  };
  const pressed = (event: KeyboardEvent & { currentTarget: HTMLInputElement }): void => {
    event.stopPropagation();
    if (event.key === "Enter") save(event.currentTarget);
    else if (event.key === "Escape") end();
  };
  return (
    <input
      type="text"
      class="find"
      aria-label={t("Name of the measurement")}
      maxLength={200}
      defaultValue={mark.label}
      ref={(input) => input?.focus()}
      onKeyDown={pressed}
      onBlur={(event) => save(event.currentTarget)}
    />
  );
}

function Export({ id, isDicom }: { id: string; isDicom: boolean }) {
  const [waits, setWaits] = useState(false);
  const report = async (): Promise<void> => {
    setWaits(true);
    const path = api.file(id, "measurements.dcm");
    await api.written(path).then(() => save(path, "measurements.dcm"), failure);
    setWaits(false);
  };
  return (
    <Menu icon="download" title={t("Export")}>
      {(close) => (
        <>
          <MenuItem title={t("Measurements as JSON")} onClick={() => (save(api.file(id, "measurements"), "measurements.json"), close())} />
          {isDicom && <MenuItem title={waits ? t("is being prepared") : t("Measurements as DICOM SR")} onClick={() => void report().then(close)} />}
        </>
      )}
    </Menu>
  );
}

function save(path: string, name: string): void {
  const link = document.createElement("a");
  link.href = path;
  link.download = name;
  link.click();
}
