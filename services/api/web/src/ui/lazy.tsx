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

const ComparePage = lazy(() => import("../compare/page").then((module) => module.Compare));
const Choose = lazy(() => import("../compare/choose").then((module) => module.ChooseStudy));

export function Compare(props: { ids: string[] }) {
  return (
    <Suspense fallback={null}>
      <ComparePage {...props} />
    </Suspense>
  );
}

export function ChooseStudy(props: { id: string; without: readonly string[]; onChoose: (id: string) => void; onClose: () => void }) {
  return (
    <Suspense fallback={null}>
      <Choose {...props} />
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
