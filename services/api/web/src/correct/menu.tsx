/** The menu at a part of the outlines: which organ it is, here or wherever it is connected. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { t } from "../core/language";
import { colourOf, css } from "../core/organs";
import { Icon } from "../ui/icon";
import { failure } from "../ui/status";
import type { Asked, SliceView } from "../slices/view";
import type { Corrections } from "./corrections";
import { hasSlice, placed } from "./steps";

interface Props {
  view: SliceView;
  corrections: Corrections;
  /** Takes the focus back. */
  onClose: () => void;
}

export function CorrectMenu({ view, corrections, onClose }: Props) {
  const asked = view.asked.value;
  if (!asked) return null;
  const close = (): void => {
    view.asked.value = null;
    onClose();
  };
  return <Choices key={asked.at.join()} asked={asked} view={view} corrections={corrections} close={close} />;
}

interface ChoicesProps extends Omit<Props, "onClose"> {
  asked: Asked;
  close: () => void;
}

function Choices({ asked, view, corrections, close }: ChoicesProps) {
  const root = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState<[number, number]>([0, 0]);
  const [inSlice, setInSlice] = useState(false);
  const tile = view.tiles.value.find(({ orientation }) => orientation === asked.orientation);
  const point = tile ? view.pixelOf(tile, asked.at) : ([0, 0] as const);
  const size = view.size.value;
  useLayoutEffect(() => {
    if (root.current) setPlace(placed(point, [root.current.offsetWidth, root.current.offsetHeight], size));
  }, [point[0], point[1], size]);
  useEffect(() => {
    root.current?.querySelector<HTMLElement>("[data-organ]:not([aria-disabled])")?.focus({ preventScroll: true });
    const away = (event: Event): void => {
      if (!root.current?.contains(event.target as Node)) view.asked.value = null;
    };
    document.addEventListener("pointerdown", away);
    return () => document.removeEventListener("pointerdown", away);
  }, []);
  const organs = view.state.report.organs;
  const now = organs.find(({ label }) => label === asked.label)?.title ?? t("An organ");
  const choose = (label: number): void => {
    close();
    corrections.relabel(asked, label, inSlice).catch(failure);
  };
  const scope = (title: string, value: boolean) => (
    <button type="button" role="menuitemradio" class="menu-item" aria-checked={inSlice === value} onClick={() => setInSlice(value)}>
      <span>{title}</span>
      {inSlice === value && <Icon name="check" size={16} />}
    </button>
  );
  return (
    <div
      class="menu-panel correct"
      role="menu"
      aria-label={t("{organ}: which organ is this part?", { organ: now })}
      ref={root}
      style={{ left: `${place[0]}px`, top: `${place[1]}px` }}
      onKeyDown={(event) => pressed(event, root.current, close)}
    >
      {hasSlice(view.plane(asked.orientation).through.axis) && (
        <div role="group" class="scope" aria-label={t("How far")}>
          {scope(t("Whole connected part (3-D)"), false)}
          {scope(t("In this slice"), true)}
        </div>
      )}
      <div role="group" aria-label={t("Organs")}>
        {organs.map((organ) => (
          <button
            key={organ.label}
            type="button"
            role="menuitem"
            class="menu-item"
            data-organ={organ.label}
            aria-disabled={organ.label === asked.label ? true : undefined}
            onClick={() => organ.label !== asked.label && choose(organ.label)}
          >
            <span class="swatch" style={{ background: css(colourOf(organ)) }} aria-hidden="true" />
            <span class="name">{organ.title}</span>
            {organ.label === asked.label && <span class="muted">{t("now")}</span>}
          </button>
        ))}
        <button type="button" role="menuitem" class="menu-item" data-organ="0" onClick={() => choose(0)}>
          <span class="swatch none" aria-hidden="true" />
          <span class="name">{t("Not an organ")}</span>
        </button>
      </div>
    </div>
  );
}

const STEPS: Record<string, number> = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

/** Arrow keys go round the choices; Escape and Tab leave the menu. No key reaches the slices behind it. */
function pressed(event: KeyboardEvent, menu: HTMLElement | null, close: () => void): void {
  event.stopPropagation();
  const items = [...(menu?.querySelectorAll<HTMLElement>("button") ?? [])];
  const step = STEPS[event.key];
  if (event.key === "Escape" || event.key === "Tab") close();
  else if (event.key === "Home") items.at(0)?.focus();
  else if (event.key === "End") items.at(-1)?.focus();
  else if (step) items.at((items.indexOf(document.activeElement as HTMLElement) + step) % items.length)?.focus();
  else return;
  event.preventDefault();
}
