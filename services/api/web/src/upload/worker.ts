/** Reads, decodes, packs and hashes away from the page's own thread. */
import { decode } from "../preview/decode";
import { type Preview, Unreadable } from "../preview/types";
import type { Picked } from "./collect";
import { pack, type Packed } from "./pack";

export type Ask = { kind: "preview" | "pack"; picked: Picked[] };
export type Told =
  | { kind: "progress"; done: number }
  | { kind: "preview"; preview: Preview }
  | { kind: "packed"; packed: Packed }
  | { kind: "problem"; text: string };

const tell = (message: Told, transfer: Transferable[] = []): void => postMessage(message, { transfer });

onmessage = async ({ data }: MessageEvent<Ask>): Promise<void> => {
  const progress = (done: number): void => tell({ kind: "progress", done });
  try {
    if (data.kind === "pack") tell({ kind: "packed", packed: await pack(data.picked, progress) });
    else {
      const preview = await decode(data.picked, progress);
      tell({ kind: "preview", preview }, [preview.pixels.buffer]);
    }
  } catch (error) {
    // A decoder's own words are for programmers.
    tell({ kind: "problem", text: error instanceof Unreadable ? error.message : "This browser can't show these files." });
  }
};
