/** The model follows what is drawn: after a pause, a quick surface of each organ that changed is shown until it is saved. */
import { effect } from "@preact/signals";
import type { Corrections } from "../correct/corrections";
import type { Labels, Surface } from "../early/nets";
import type { OrganStage } from "../scene/stage";
import type { SliceView } from "../slices/view";
import { boxes, cut } from "./crop";
import type { Pencil } from "./pencil";
import type { SurfaceAnswer, SurfaceRequest } from "./surface.worker";

const PAUSE_MS = 250;

/** Follows until the function that is returned is called. */
export function followDrawing(corrections: Corrections): () => void {
  const follower = new Follower(corrections);
  const end = effect(() => {
    const [pencil, stage, view] = [corrections.pencil.value, corrections.stage.value, corrections.slices.value];
    void pencil?.changes.value;
    follower.update(pencil, stage, view);
  });
  return () => {
    end();
    follower.close();
  };
}

class Follower {
  private timer = 0;
  private change = 0;
  private worker: Worker | null = null;

  constructor(private readonly corrections: Corrections) {}

  update(pencil: Pencil | null, stage: OrganStage | null, view: SliceView | null): void {
    window.clearTimeout(this.timer);
    this.change += 1;
    if (!pencil || !stage || !view) return;
    // While a drawing is saved, its surfaces stay until the new model is loaded.
    if (pencil.isEmpty && !this.corrections.busy.peek()) stage.showDraft(new Map());
    else if (!pencil.isEmpty) this.timer = window.setTimeout(() => this.ask(pencil, stage, view), PAUSE_MS);
  }

  close(): void {
    window.clearTimeout(this.timer);
    this.worker?.terminate();
  }

  private ask(pencil: Pencil, stage: OrganStage, view: SliceView): void {
    const { labels: data, dims } = pencil.grid;
    const labels: Labels = { data, dims, affine: view.volume.affine };
    const found = boxes(data, dims, pencil.changedLabels);
    const surfaces = new Map<string, Surface>();
    const nameOf = (label: number): string => view.state.byLabel(label)?.name ?? "";
    const worker = this.started();
    worker.onmessage = ({ data: answer }: MessageEvent<SurfaceAnswer>) => {
      if (answer.change !== this.change) return;
      surfaces.set(nameOf(answer.label), answer);
      if (surfaces.size === found.size) stage.showDraft(surfaces);
    };
    for (const [label, box] of found) {
      if (!box) surfaces.set(nameOf(label), { positions: new Float32Array(), triangles: new Uint32Array() });
      else this.send({ change: this.change, label, labels: cut(labels, box), centre: stage.centre });
    }
    if (surfaces.size === found.size) stage.showDraft(surfaces);
  }

  private send(request: SurfaceRequest): void {
    this.started().postMessage(request, [request.labels.data.buffer]);
  }

  private started(): Worker {
    this.worker ??= new Worker(new URL("./surface.worker.ts", import.meta.url), { type: "module" });
    return this.worker;
  }
}
