/** What limits the list of the archive, and how it is shown. */
import { useEffect, useRef } from "preact/hooks";
import { t } from "../core/language";
import type { Text } from "../core/languages/de";
import { REVIEWS } from "../core/review";
import { wantsSearch } from "../core/router";
import { Segments, Tool } from "../ui/parts";
import { STATES } from "./rows";
import { isLimited, type Setting } from "./setting";

const WARNINGS: Record<string, Text> = {
  touches_border: "At the edge of the scan",
  cut_in_scan: "Cut inside the scan",
  absent: "An organ was not found",
  no_organs: "No organ found",
  tiny: "Very small organ",
  many_components: "Many separate pieces",
  fallback: "Plain surface",
  out_of_domain: "Unknown kind of scan",
  modality_guessed: "Modality was guessed",
};

interface Props {
  asked: Setting;
  change: (part: Partial<Setting>) => void;
  /** Opens the first job that was found. */
  onEnter: () => void;
}

export function Filters({ asked, change, onEnter }: Props) {
  const search = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (!wantsSearch.value) return;
    wantsSearch.value = false;
    requestAnimationFrame(() => search.current?.select()); // after the page has taken the focus
  }, [wantsSearch.value]);
  return (
    <form class="filters" role="search" onSubmit={(event) => (event.preventDefault(), onEnter())}>
      <input ref={search} type="search" aria-keyshortcuts="/" aria-label={t("Search")} value={asked.text} placeholder={t("Search by name, tag, date or number")} onInput={(event) => change({ text: event.currentTarget.value })} />
      <Choice label={t("State")} every={t("All states")} titles={STATES} value={asked.state} onChange={(state) => change({ state })} />
      <Choice label={t("Review")} every={t("Any review")} titles={REVIEWS} value={asked.review} onChange={(review) => change({ review })} />
      <Choice label={t("Warning")} every={t("With or without warnings")} titles={WARNINGS} value={asked.warning} onChange={(warning) => change({ warning })} />
      <Segments
        label={t("Show as")}
        value={asked.cards ? "cards" : "list"}
        onChange={(value) => change({ cards: value === "cards", count: asked.count })}
        items={[
          ["list", t("List")],
          ["cards", t("Cards")],
        ]}
      />
      <Tool icon="close" title={t("Clear")} disabled={!isLimited(asked)} onClick={() => change({ text: "", state: "", review: "", warning: "" })} />
    </form>
  );
}

interface ChoiceProps {
  label: string;
  /** What is shown while nothing is chosen. */
  every: string;
  titles: Record<string, Text>;
  value: string;
  onChange: (value: string) => void;
}

function Choice({ label, every, titles, value, onChange }: ChoiceProps) {
  return (
    <select aria-label={label} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
      <option value="">{every}</option>
      {Object.entries(titles).map(([name, title]) => (
        <option key={name} value={name}>
          {t(title)}
        </option>
      ))}
    </select>
  );
}
