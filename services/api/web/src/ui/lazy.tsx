/** Parts that are loaded when they are first shown. */
import { lazy, Suspense } from "preact/compat";

const Share = lazy(() => import("../share/dialog").then((module) => module.ShareDialog));
const HeadsetPage = lazy(() => import("../headset/page").then((module) => module.Headset));

export function ShareDialog(props: { id: string; onClose: () => void }) {
  return (
    <Suspense fallback={null}>
      <Share {...props} />
    </Suspense>
  );
}

export function Headset() {
  return (
    <Suspense fallback={null}>
      <HeadsetPage />
    </Suspense>
  );
}
