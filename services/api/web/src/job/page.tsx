/** One job: processing, failed, or its result. */
import "../styles/workspace.css";
import { lazy, Suspense } from "preact/compat";
import { useEffect, useState } from "preact/hooks";
import { t } from "../core/language";
import { OPEN_STATES } from "../core/types";
import { Problems, Spinner } from "../ui/parts";
import { Ended } from "./ended";
import { Follower } from "./follow";
import { Progress } from "./progress";

const Results = lazy(() => import("./results").then((module) => module.Results));

export function JobView({ id }: { id: string }) {
  const [follower, setFollower] = useState<Follower | null>(null);
  useEffect(() => {
    const made = new Follower(id);
    setFollower(made);
    return () => made.close();
  }, [id]);
  const job = follower?.job.value;
  const problem = follower?.problem.value ?? "";
  const final = follower?.final.value ?? false;
  if (!job) {
    return (
      <section class="narrow card">
        <h1>{final ? t("This result can't be opened") : t("Opening the result")}</h1>
        <Problems text={problem} />
        {!final && <Spinner text={problem ? t("Trying again") : t("Looking the job up")} />}
      </section>
    );
  }
  if (job.state === "succeeded") {
    return (
      <Suspense fallback={<Spinner text={t("Opening the result")} />}>
        <Results key={job.id} job={job} />
      </Suspense>
    );
  }
  return (
    <>
      <Problems text={problem} />
      {OPEN_STATES.includes(job.state) ? (
        <Progress job={job} early={follower?.early.value ?? []} onChange={(next) => follower?.see(next)} />
      ) : (
        <Ended job={job} />
      )}
    </>
  );
}
