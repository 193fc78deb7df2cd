/** Parts that are loaded when they are first shown, and the texts beside those of the first page with them. */
import type { FunctionComponent } from "preact";
import { lazy, Suspense } from "preact/compat";
import { unreachable } from "../core/api";
import { loadRest, t } from "../core/language";
import { Problems } from "./parts";

function later<P extends object>(load: () => Promise<FunctionComponent<P>>): FunctionComponent<P> {
  const both = async (): Promise<FunctionComponent<P>> => (await Promise.all([load(), loadRest()]))[0];
  const Part = lazy(() => both().catch(() => Unreachable as FunctionComponent<P>)) as FunctionComponent<P>;
  return (props: P) => (
    <Suspense fallback={null}>
      <Part {...props} />
    </Suspense>
  );
}

function Unreachable() {
  return (
    <section class="narrow card">
      <Problems text={unreachable().message} />
      <button type="button" onClick={() => location.reload()}>
        {t("Try again")}
      </button>
    </section>
  );
}

export const Archive = later(() => import("../archive/page").then((module) => module.Archive));
export const ChooseStudy = later(() => import("../compare/choose").then((module) => module.ChooseStudy));
export const Compare = later(() => import("../compare/page").then((module) => module.Compare));
export const Headset = later(() => import("../headset/page").then((module) => module.Headset));
export const JobView = later(() => import("../job/page").then((module) => module.JobView));
export const Learn = later(() => import("../learn/page").then((module) => module.Learn));
export const OwnLesson = later(() => import("../learn/shared").then((module) => module.OwnLesson));
export const ReportPage = later(() => import("../job/report").then((module) => module.ReportPage));
export const SendDialog = later(() => import("../send/dialog").then((module) => module.SendDialog));
export const ShareDialog = later(() => import("../share/dialog").then((module) => module.ShareDialog));
