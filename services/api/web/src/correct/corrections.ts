/** The versions of a result: which is shown, corrections that make the next one, and the way back. */
import { computed, effect, signal, untracked } from "@preact/signals";
import { api, Problem, sentence } from "../core/api";
import { t } from "../core/language";
import { mayWrite, session } from "../core/session";
import type { LabelEdit, Revision, ShapeEdit } from "../core/types";
import { when } from "../core/words";
import { Pencil } from "../draw/pencil";
import type { ResultState } from "../job/state";
import type { OrganStage } from "../scene/stage";
import type { Asked, SliceView } from "../slices/view";
import { readVolume } from "../slices/volume";
import { failure, say } from "../ui/status";
import { type AlikePart, alikeParts, changedFrom } from "./alike";
import { filesOf, keyEnd, last, relabel, type Step, takenBack, versions } from "./steps";

const CONFLICT = 412;
/** The edits of one version at most. */
const MOST_EDITS = 1000;

export class Corrections {
  readonly slices = signal<SliceView | null>(null);
  readonly stage = signal<OrganStage | null>(null);
  /** Draws on the outlines that are shown; null for a user who may only read. */
  readonly pencil = signal<Pencil | null>(null);
  readonly revisions = signal<Revision[]>([]);
  /** Parts that look like the one that was corrected last, and the label that it was given. */
  readonly proposals = signal<{ label: number; parts: AlikePart[] } | null>(null);
  /** What is being done, as a sentence; empty while nothing is. */
  readonly busy = signal("");
  readonly newest = computed(() => Math.max(this.revisions.value.at(0)?.revision ?? 1, this.state.revision));
  readonly isNewest = computed(() => this.state.revision === this.newest.value);
  private readonly steps = signal<Step[]>([]);
  /** The correction that *Undo* takes back. */
  readonly undoable = computed(() => (this.isNewest.value ? last(this.steps.value, this.newest.value) : null));

  constructor(
    private readonly id: string,
    readonly state: ResultState,
  ) {
    this.refresh().catch(failure);
    effect(() => {
      void this.slices.value;
      untracked(() => this.takeUp());
    });
  }

  /** The files of the version that is shown; `links` are those of the job. */
  files(links: Record<string, string>): Record<string, string> {
    return filesOf(links, this.revisions.value.find(({ revision }) => revision === this.state.revision));
  }

  /** Gives the part that was asked for another label, and proposes parts that look like it; 0 is no organ. */
  async relabel(asked: Pick<Asked, "at" | "label">, label: number, inSlice: boolean): Promise<void> {
    const before = this.slices.peek()?.labelBytes ?? null;
    if (await this.edit([relabel(asked.at, label, inSlice)])) this.propose(before, asked.label, label);
  }

  /** Gives parts that were proposed the label of the correction that they look like. */
  async accept(parts: readonly AlikePart[]): Promise<void> {
    const proposals = this.proposals.peek();
    if (!proposals) return;
    const some = parts.slice(0, MOST_EDITS);
    if (!(await this.edit(some.map(({ voxel }) => relabel(voxel, proposals.label, true))))) return;
    const left = proposals.parts.filter((part) => !some.includes(part));
    this.proposals.value = left.length > 0 ? { ...proposals, parts: left } : null;
  }

  /** Saves edits as one version that can be taken back; returns whether there is a new one. */
  private async edit(edits: LabelEdit[]): Promise<boolean> {
    const before = this.state.revision;
    await this.save(t("Saving the correction"), async (tag) => this.recordStep((await api.correct(this.id, tag, edits)).revision, before));
    return this.state.revision !== before;
  }

  private propose(before: Uint8Array | null, from: number, label: number): void {
    const [view, after] = [this.slices.peek(), this.slices.peek()?.labelBytes];
    if (!view || !before || !after) return;
    const { dims } = view.volume;
    const parts = alikeParts({ labels: after, dims }, changedFrom(before, after, from), from, (at) => view.valueOf(at));
    this.proposals.value = parts.length > 0 ? { label, parts } : null;
  }

  /** Makes a new version of what was drawn. */
  saveDrawing(): Promise<void> {
    const pencil = this.pencil.peek();
    const edits = pencil?.edits() ?? [];
    if (!pencil || edits.length === 0) return Promise.resolve(pencil?.discard());
    this.proposals.value = null;
    return this.save(t("Saving the drawing"), async (tag) => {
      const before = this.state.revision;
      const { revision } = await api.correct(this.id, tag, edits);
      pencil.saved();
      return this.recordStep(revision, before);
    }, true);
  }

  /** Changes the shape of an organ in the drawing: the service makes it, after what was drawn and not saved. */
  async reshape(edit: ShapeEdit): Promise<void> {
    const pencil = this.pencil.peek();
    if (!pencil || this.busy.peek() || !this.isReady()) return;
    await this.while(t("Changing the shape"), async () => {
      const bytes = await this.request(async () => api.preview(this.id, await api.tag(this.id, this.state.revision), [...pencil.edits(), edit]));
      const { data } = await readVolume(bytes);
      const ml = pencil.become(data as Uint8Array, edit);
      say(ml > 0 ? t("{ml} mL changed; Ctrl+Z takes it back", { ml: ml.toFixed(1) }) : t("Nothing changed"));
    });
  }

  /** Makes a new version with the outlines from before the last correction. */
  undo(): Promise<void> {
    this.proposals.value = null;
    return this.save(t("Taking the correction back"), async (tag) => {
      const step = this.undoable.peek();
      if (!step) return this.state.revision;
      const labels = await api.bytes(api.file(this.id, "labels.nii.gz", step.before));
      const { revision } = await api.putLabels(this.id, tag, labels);
      this.steps.value = takenBack(this.steps.value, revision);
      return revision;
    });
  }

  /** Shows a version; slice, zoom and camera stay. */
  async show(revision: number): Promise<void> {
    if (this.busy.peek() || revision === this.state.revision) return;
    if (this.isDrawn()) return;
    this.proposals.value = null;
    await this.while(t("Loading the version"), () => this.load(revision));
  }

  /** Who made a version: the algorithm, this user, or another key or person. */
  author(revision: Pick<Revision, "edited_by">): string {
    if (!revision.edited_by) return t("by the algorithm");
    const own = String(session.value?.key_id ?? "");
    const key = keyEnd(revision.edited_by);
    if (revision.edited_by === own) return t("by you");
    return key ? t("by the key ending in {key}", { key }) : t("by {who}", { who: revision.edited_by });
  }

  private recordStep(made: number, before: number): number {
    if (made !== before) this.steps.value = [...this.steps.value, { made, before }];
    return made;
  }

  /** Whether something that was drawn is not saved; then nothing else may change the outlines, and the page says so. */
  private isDrawn(): boolean {
    if (this.pencil.peek()?.isEmpty ?? true) return false;
    failure(new Error(t("Save or discard what you have drawn first.")));
    return true;
  }

  /** Makes the outlines that are shown ready to be drawn on, with what was drawn on this version and not saved. */
  private takeUp(): void {
    const view = this.slices.peek();
    const labels = view?.labelBytes;
    const pencil = view && labels && mayWrite() ? new Pencil(this.id, view, labels, this.pencil.peek()) : null;
    if (view) view.hand = pencil;
    this.pencil.value = pencil;
    if (pencil?.restore()) say(t("What you have drawn and not saved is here again"));
  }

  private async save(doing: string, make: (tag: string) => Promise<number>, isDrawing = false): Promise<void> {
    if (this.busy.peek() || !mayWrite()) return;
    if (!isDrawing && this.isDrawn()) return;
    if (!this.isReady()) return;
    await this.while(doing, async () => {
      const made = await this.request(async () => make(await api.tag(this.id, this.state.revision)));
      try {
        await this.load(made);
      } catch (error) {
        throw new Error(`${t("The correction is saved, but it can't be shown yet.")} ${sentence(error)}`);
      } finally {
        await this.refresh();
      }
      say(t("Saved as version {n}", { n: made }));
    });
  }

  /** Whether outlines may be corrected now; if not, the page says why. */
  private isReady(): boolean {
    if (!this.slices.peek() || !this.stage.peek()) failure(new Error(t("The result is still being opened.")));
    else if (!this.isNewest.peek()) failure(new Error(t("This is an earlier version. Choose the newest one under Versions to correct it.")));
    else return true;
    return false;
  }

  /** The answer of the service; a failure becomes the reason why nothing was changed. */
  private async request<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      await this.refresh().catch(() => undefined);
      throw new Error(this.reason(error));
    }
  }

  private async while(doing: string, act: () => Promise<void>): Promise<void> {
    this.busy.value = doing;
    say(doing);
    this.lock(true);
    await act().catch(failure);
    this.lock(false);
    this.busy.value = "";
  }

  private lock(isLocked: boolean): void {
    const pencil = this.pencil.peek();
    if (pencil) pencil.isLocked.value = isLocked;
  }

  /** Why nothing was saved. */
  private reason(error: unknown): string {
    if (error instanceof Problem && error.status === 0) return t("The server can't be reached. Check the connection, then make the correction again.");
    if (!(error instanceof Problem) || error.status !== CONFLICT) return `${t("The correction was not saved.")} ${sentence(error)}`;
    const { revision, edited_by: by, edited_at: at } = error.members as { revision?: number; edited_by?: string; edited_at?: string };
    const values = { n: revision ?? "", who: this.author({ edited_by: by ?? null }), time: at ? when(at) : "" };
    return t("Version {n} was made {who} meanwhile, {time}. Your correction was not saved: choose that version under Versions and correct it there.", values);
  }

  private async load(revision: number): Promise<void> {
    const [slices, stage] = [this.slices.peek(), this.stage.peek()];
    if (!slices || !stage) throw new Error(t("The result is still being opened."));
    const file = (name: string): Promise<ArrayBuffer> => api.bytes(api.file(this.id, name, revision));
    const [labels, report, model] = await Promise.all([file("labels.nii.gz"), api.report(this.id, revision), api.model(this.id, revision)]);
    await slices.setLabels(labels, report);
    this.takeUp();
    await stage.load(model);
  }

  private async refresh(): Promise<void> {
    this.revisions.value = versions(await api.revisions(this.id));
  }
}
