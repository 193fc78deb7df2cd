/** The scene by keyboard. */
import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";
import type { OrganStage } from "./stage";

const TURN = Math.PI / 24;
const ACTIONS: Record<string, (stage: OrganStage) => void> = {
  ArrowLeft: (stage) => stage.orbit(-TURN, 0),
  ArrowRight: (stage) => stage.orbit(TURN, 0),
  ArrowUp: (stage) => stage.orbit(0, -TURN),
  ArrowDown: (stage) => stage.orbit(0, TURN),
  "+": (stage) => stage.orbit(0, 0, 0.9),
  "-": (stage) => stage.orbit(0, 0, 1.1),
  Home: (stage) => stage.look("front"),
};

/** `leave` is called by Escape. */
export function useSceneKeys(canvas: RefObject<HTMLCanvasElement>, stage: OrganStage | null, leave: () => void): void {
  useEffect(() => {
    const element = canvas.current;
    if (!element || !stage) return undefined;
    const pressed = (event: KeyboardEvent): void => {
      if (event.key === "Escape") leave();
      const action = ACTIONS[event.key];
      if (!action) return;
      event.preventDefault();
      event.stopPropagation();
      action(stage);
    };
    element.addEventListener("keydown", pressed);
    return () => element.removeEventListener("keydown", pressed);
  }, [stage]);
}
