/** "Enter VR" and "Enter AR", where the browser and the headset offer them. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { ResultState } from "../job/state";
import type { OrganStage } from "../scene/stage";
import { failure, say } from "../ui/status";
import { HeadsetMode, type Kind } from "./mode";

const NAMES: Record<Kind, string> = { "immersive-vr": "Enter VR", "immersive-ar": "Enter AR" };

export function EnterButtons({ stage, state }: { stage: OrganStage | null; state: ResultState }) {
  const [kinds, setKinds] = useState<Kind[]>([]);
  const mode = useRef<HeadsetMode | null>(null);
  useEffect(() => {
    let here = true;
    const asked = (Object.keys(NAMES) as Kind[]).map(async (kind) =>
      (await navigator.xr?.isSessionSupported(kind).catch(() => false)) ? kind : null,
    );
    void Promise.all(asked).then((found) => here && setKinds(found.filter((kind) => kind !== null)));
    return () => {
      here = false;
      mode.current?.leave();
    };
  }, []);
  const enter = async (kind: Kind): Promise<void> => {
    if (!stage || mode.current) return;
    const made = new HeadsetMode(stage, state, () => {
      mode.current = null;
      say("You left the headset view");
    });
    mode.current = made;
    try {
      await made.enter(kind);
    } catch (error) {
      mode.current = null;
      failure(error);
    }
  };
  if (kinds.length === 0) {
    return (
      <a class="button" href="#/headset">
        View in a headset
      </a>
    );
  }
  return (
    <>
      {kinds.map((kind) => (
        <button key={kind} type="button" class="primary" disabled={!stage} onClick={() => void enter(kind)}>
          {NAMES[kind]}
        </button>
      ))}
    </>
  );
}
