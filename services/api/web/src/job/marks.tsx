/** The measurements made on the slices. */
import type { Vector } from "../core/geometry";
import { t } from "../core/language";
import { markText } from "../slices/marks";
import { PLANES } from "../slices/overlay";
import type { SliceView } from "../slices/view";
import { Icon } from "../ui/icon";

const ICONS = { length: "ruler", roi: "roi", probe: "probe" } as const;

export function MarkList({ view }: { view: SliceView }) {
  const marks = view.marks.value;
  if (marks.length === 0) return null;
  return (
    <section aria-labelledby="marks">
      <header class="panel-head">
        <h2 id="marks">{t("Measurements")}</h2>
      </header>
      <ul class="organ-list">
        {marks.map((mark) => {
          const middle = mark.from.map((part, axis) => (part + (mark.to[axis] ?? part)) / 2) as Vector;
          return (
            <li key={mark.id} class="organ-row">
              <div class="organ-line">
                <button type="button" class="organ" onClick={() => view.goTo(middle)}>
                  <Icon name={ICONS[mark.kind]} size={16} />
                  <span class="name">{markText(view.volume, mark)}</span>
                </button>
                <span class="muted">{t(PLANES[mark.orientation])}</span>
                <button type="button" class="tool isolate" aria-label={t("Delete the measurement")} onClick={() => view.remove(mark.id)}>
                  <Icon name="close" size={16} />
                </button>
              </div>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
