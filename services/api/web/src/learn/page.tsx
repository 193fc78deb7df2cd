/** Learn: the sample case, its organs with or without names, and a short quiz. */
import "../styles/workspace.css";
import { lazy, Suspense } from "preact/compat";
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../core/api";
import { t } from "../core/language";
import { mayWrite } from "../core/session";
import { OPEN_STATES } from "../core/types";
import { Follower } from "../job/follow";
import { Progress } from "../job/progress";
import { Problems, Spinner } from "../ui/parts";
import { sampleJob } from "./sample";

const Class = lazy(() => import("./class").then((module) => module.Class));

export function Learn() {
  const [follower, setFollower] = useState<Follower | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    let made: Follower | null = null;
    let here = true;
    if (mayWrite()) {
      sampleJob().then(
        (job) => {
          if (!here) return;
          made = new Follower(job.id);
          setFollower(made);
        },
        (error: unknown) => setProblem(sentence(error)),
      );
    } else setProblem(t("Your key may not start jobs, and the sample case needs one."));
    return () => {
      here = false;
      made?.close();
    };
  }, []);
  const job = follower?.job.value;
  return (
    <section>
      <h1>{t("Learn")}</h1>
      <p class="lead">
        {t("A computed body, with no patient in it, went through the same stages as any scan. Turn it, look at it from all sides, then hide the names and find the organs.")}
      </p>
      <Problems text={problem || (follower?.problem.value ?? "")} />
      {!job && !problem && <Spinner text={t("Opening the sample case")} />}
      {job && OPEN_STATES.includes(job.state) && <Progress job={job} onChange={(next) => follower?.see(next)} />}
      {job?.state === "succeeded" && (
        <Suspense fallback={<Spinner text={t("Opening the sample case")} />}>
          <Class job={job} />
        </Suspense>
      )}
      {job && (job.state === "failed" || job.state === "cancelled") && (
        <Problems text={job.error?.detail ?? t("The sample case was cancelled.")} />
      )}
    </section>
  );
}
