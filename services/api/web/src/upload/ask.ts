/** One question to a worker of its own, which ends with the answer or when it is given up. */
import type { Preview } from "../preview/types";
import type { Picked } from "./collect";
import type { Packed } from "./pack";
import type { Ask, Told } from "./worker";

interface Answer {
  preview: Preview;
  packed: Packed;
}
const FIELD = { preview: "preview", pack: "packed" } as const;

export function ask<K extends keyof typeof FIELD>(
  kind: K,
  picked: Picked[],
  told: (done: number) => void,
  signal: AbortSignal,
): Promise<Answer[(typeof FIELD)[K]]> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  return new Promise<Answer[(typeof FIELD)[K]]>((resolve, reject) => {
    signal.addEventListener("abort", () => reject(new DOMException("Given up.", "AbortError")));
    worker.onerror = () => reject(new Error("The files could not be read by this browser."));
    worker.onmessage = ({ data }: MessageEvent<Told>) => {
      if (data.kind === "progress") told(data.done);
      else if (data.kind === "problem") reject(new Error(data.text));
      else resolve((data as unknown as Answer)[FIELD[kind]]);
    };
    const message: Ask = { kind, picked };
    worker.postMessage(message);
  }).finally(() => worker.terminate());
}
