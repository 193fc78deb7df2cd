/** The organs: what was measured, what to be careful about, and how both views show them. */
import { useState } from "preact/hooks";
import { type Group, groupsOf, MANY } from "../core/groups";
import { t } from "../core/language";
import { css } from "../core/organs";
import { millilitres } from "../core/words";
import { Icon } from "../ui/icon";
import { Warnings } from "../ui/parts";
import type { OrganState, ResultState } from "./state";

export function Organs({ state }: { state: ResultState }) {
  const [asked, setAsked] = useState("");
  const absent = state.report.organs.filter((organ) => !organ.present);
  const shown = state.organs.filter(({ title }) => title.toLowerCase().includes(asked.trim().toLowerCase()));
  const all = state.organs.every((organ) => organ.visible.value);
  return (
    <section class="organs" aria-labelledby="organs">
      <header class="panel-head">
        <h2 id="organs">{t("Organs")}</h2>
        <label class="eye" data-tip={all ? t("Hide all") : t("Show all")}>
          <input type="checkbox" aria-label={t("Show all organs")} checked={all} onChange={() => state.showAll(!all)} />
          <Icon name={all ? "eye" : "eyeOff"} />
        </label>
      </header>
      {state.organs.length > MANY && (
        <input type="search" class="find" aria-label={t("Search organs")} placeholder={t("Search organs")} value={asked} onInput={(event) => setAsked(event.currentTarget.value)} />
      )}
      {state.organs.length > MANY && !asked.trim() ? (
        groupsOf(state.organs).map((group) => <GroupOf key={group.key} group={group} state={state} />)
      ) : (
        <Rows organs={shown} state={state} />
      )}
      {shown.length === 0 && <p class="muted inset">{state.organs.length === 0 ? t("No organ was found in this scan.") : t("No results")}</p>}
      {absent.length > 0 && <p class="muted inset">{t("Not found: {organs}", { organs: absent.map(({ title }) => title).join(", ") })}</p>}
    </section>
  );
}

function Rows({ organs, state }: { organs: readonly OrganState[]; state: ResultState }) {
  return (
    <ul class="organ-list">
      {organs.map((organ) => (
        <Row key={organ.name} organ={organ} state={state} />
      ))}
    </ul>
  );
}

/** Organs of one kind, to open and close, to show and hide together. */
function GroupOf({ group, state }: { group: Group<OrganState>; state: ResultState }) {
  const { organs } = group;
  const title = group.title || t("Other organs");
  const all = organs.every((organ) => organ.visible.value);
  const [isOpen, setOpen] = useState(false);
  const shown = isOpen || organs.some((organ) => organ.name === state.selected.value);
  return (
    <div class="organ-group">
      <div class="group-line">
        <label class="eye">
          <input type="checkbox" aria-label={t("Show {organ}", { organ: title })} checked={all} onChange={() => state.showSome(organs, !all)} />
          <Icon name={all ? "eye" : "eyeOff"} />
        </label>
        <button type="button" class="organ" aria-expanded={shown} onClick={() => setOpen(!shown)}>
          <span class="name">{title}</span>
          <span class="muted">{organs.length}</span>
        </button>
      </div>
      {shown && <Rows organs={organs} state={state} />}
    </div>
  );
}

function Row({ organ, state }: { organ: OrganState; state: ResultState }) {
  const { report, title } = organ;
  const chosen = state.selected.value === organ.name;
  const visible = organ.visible.value;
  return (
    <li class={`organ-row${chosen ? " chosen" : ""}${visible ? "" : " off"}`}>
      <div class="organ-line">
        <label class="eye">
          <input
            type="checkbox"
            aria-label={t("Show {organ}", { organ: title })}
            checked={visible}
            onChange={(event) => (organ.visible.value = event.currentTarget.checked)}
          />
          <Icon name={visible ? "eye" : "eyeOff"} />
        </label>
        <div class="organ-name">
          <button type="button" class="organ" aria-pressed={chosen} onClick={() => (state.selected.value = chosen ? null : organ.name)}>
            <span class="swatch" style={{ background: css(organ.colour) }} aria-hidden="true" />
            <span class="name">{title}</span>
          </button>
          {report.part_seen && <small>{t("part seen")}</small>}
        </div>
        {report.warnings.length > 0 && (
          <span class="mark" role="img" aria-label={t("has warnings")} data-tip={report.warnings.map(({ detail }) => detail).join("\n")}>
            <Icon name="warning" size={15} />
          </span>
        )}
        <span class="volume">{millilitres(report.volume_ml)}</span>
        <button type="button" class="tool isolate" aria-label={t("Show only {organ}", { organ: title })} data-tip={t("Show only this")} onClick={() => state.isolate(organ.name)}>
          <Icon name="isolate" size={16} />
        </button>
      </div>
      {chosen && <Details organ={organ} />}
    </li>
  );
}

function Details({ organ }: { organ: OrganState }) {
  const { report, title } = organ;
  return (
    <div class="organ-details">
      <label class="slider">
        <span>{t("Opacity")}</span>
        <input
          type="range"
          min={0.1}
          max={1}
          step={0.05}
          aria-label={t("Opacity of {organ}", { organ: title })}
          value={organ.opacity.value}
          onInput={(event) => (organ.opacity.value = Number(event.currentTarget.value))}
        />
      </label>
      <p class="muted">{t("Surface {area} cm²", { area: Math.round(report.surface_cm2) })}</p>
      <Warnings items={report.warnings} />
    </div>
  );
}
