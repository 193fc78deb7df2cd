/** The menu of saved views: come back to one, save what is shown, name and delete. */
import { useEffect, useState } from "preact/hooks";
import { t } from "../core/language";
import { route } from "../core/router";
import { mayWrite } from "../core/session";
import { useKeeper } from "../measure/list";
import { NameField } from "../measure/name";
import { ofViews, type View } from "../measure/shelves";
import { Icon } from "../ui/icon";
import { Menu, Problems } from "../ui/parts";
import { say } from "../ui/status";
import type { ResultState } from "../job/state";
import type { OrganStage } from "./stage";
import { SavedViews } from "./views";

const LONGEST = 100;

/** The views of a job; none for a model that is no job's, and in a lesson, which they could answer. */
export function useSavedViews(id: string, stage: OrganStage | null, state: ResultState): { views: SavedViews | null; problem: string } {
  const [views, setViews] = useState<SavedViews | null>(null);
  useEffect(() => setViews(stage && id && !state.lesson.peek() ? new SavedViews(stage, state) : null), [id, stage]);
  const keeper = useKeeper(() => views && ofViews(id, views.items), [id, views]);
  const loaded = keeper?.loaded.value ?? false;
  useEffect(() => {
    const wanted = views?.items.peek().find((view) => view.id === route.peek().query.view);
    if (loaded && wanted) views?.show(wanted);
  }, [loaded]);
  return { views, problem: keeper?.problem.value ?? "" };
}

export function ViewsMenu({ views, problem }: { views: SavedViews; problem: string }) {
  const [name, setName] = useState("");
  const items = views.items.value;
  const writes = mayWrite();
  const save = (event: Event): void => {
    event.preventDefault();
    if (!name.trim()) return;
    views.save(name);
    say(t("The view was saved"));
    setName("");
  };
  return (
    <Menu icon="views" title={t("Saved views")} pressed={items.some(({ id }) => id === views.shown.value)}>
      {() => (
        <div class="saved-views">
          <Problems text={problem} />
          {items.length === 0 && <p class="muted">{t("No view was saved yet.")}</p>}
          {items.map((view) => (
            <Row key={view.id} view={view} views={views} writes={writes} />
          ))}
          {writes && (
            <form onSubmit={save}>
              <input type="text" maxLength={LONGEST} aria-label={t("Name of the view")} placeholder={t("Name of the view")} value={name} onInput={(event) => setName(event.currentTarget.value)} onKeyDown={(event) => event.key !== "Escape" && event.stopPropagation()} />
              <button type="submit" class="small">
                {t("Save")}
              </button>
            </form>
          )}
          {items.length > 0 && <p class="muted">{t("Page Up and Page Down go through the views.")}</p>}
        </div>
      )}
    </Menu>
  );
}

function Row({ view, views, writes }: { view: View; views: SavedViews; writes: boolean }) {
  const [naming, setNaming] = useState(false);
  const name = view.label;
  if (naming) return <NameField label={t("Name of the view")} name={name} needed longest={LONGEST} onName={(label) => views.rename(view.id, label)} onDone={() => setNaming(false)} />;
  return (
    <div class="view-line">
      <button type="button" class="menu-item" aria-pressed={views.shown.value === view.id} onClick={() => views.show(view)}>
        <span>{name}</span>
      </button>
      {writes && (
        <>
          <button type="button" class="tool isolate" aria-label={t("Change the name of {value}", { value: name })} data-tip={t("Name")} onClick={() => setNaming(true)}>
            <Icon name="edit" size={16} />
          </button>
          <button type="button" class="tool isolate" aria-label={t("Delete {value}", { value: name })} data-tip={t("Delete")} onClick={() => views.remove(view.id)}>
            <Icon name="close" size={16} />
          </button>
        </>
      )}
    </div>
  );
}
