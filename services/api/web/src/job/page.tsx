/** One job: on its way, failed, or its result. */
import { lazy, Suspense } from "preact/compat";
import { useEffect, useState } from "preact/hooks";
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
  if (!job) {
    return (
      <section class="narrow">
        <h1>{problem ? "This result can't be opened" : "Result"}</h1>
        {problem ? <Problems text={problem} /> : <Spinner text="Looking the job up" />}
      </section>
    );
  }
  return (
    <>
      <Problems text={problem} />
      {OPEN_STATES.includes(job.state) ? (
        <Progress job={job} early={follower?.early.value ?? []} onChange={(next) => follower?.see(next)} />
      ) : job.state === "succeeded" ? (
        <Suspense fallback={<Spinner text="Opening the result" />}>
          <Results job={job} />
        </Suspense>
      ) : (
        <Ended job={job} />
      )}
    </>
  );
}
