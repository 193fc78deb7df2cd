/** "Enter VR" and "Enter AR", where the browser and the headset offer them. */
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../core/language";
import type { Text } from "../core/languages/de";
import { mayWrite } from "../core/session";
import type { Corrections } from "../correct/corrections";
import type { ResultState } from "../job/state";
import type { OrganStage } from "../scene/stage";
import { Icon } from "../ui/icon";
import { failure, say } from "../ui/status";
import { HeadsetCorrections } from "./correcting";
import { HeadsetMode, type Kind } from "./mode";

const NAMES: Record<Kind, Text> = { "immersive-vr": "Enter VR", "immersive-ar": "Enter AR" };

interface Props {
  stage: OrganStage | null;
  state: ResultState;
  /** Corrections of the result and its slices, where it has some. */
  corrections?: Corrections;
}

export function EnterButtons({ stage, state, corrections }: Props) {
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
    const left = (): void => {
      mode.current = null;
      say(t("You left the headset view"));
    };
    const correcting = corrections && mayWrite() ? new HeadsetCorrections(corrections) : null;
    const entered = new HeadsetMode(stage, state, left, { correcting, slices: () => corrections?.slices.peek() ?? null });
    mode.current = entered;
    try {
      await entered.enter(kind);
    } catch (error) {
      mode.current = null;
      failure(error);
    }
  };
  if (kinds.length === 0) {
    return (
      <a class="button quiet" href="#/headset" aria-label={t("View in a headset")}>
        <Icon name="headset" />
        <span class="wide-only">{t("View in a headset")}</span>
      </a>
    );
  }
  return (
    <>
      {kinds.map((kind) => (
        <button key={kind} type="button" class="small" disabled={!stage} onClick={() => void enter(kind)}>
          <Icon name="headset" />
          {t(NAMES[kind])}
        </button>
      ))}
    </>
  );
}
