/** A share link was opened: trades its token for a session that sees that one job. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../core/api";
import { t } from "../core/language";
import { go, query } from "../core/router";
import { session, signIn } from "../core/session";
import { Problems, Spinner } from "../ui/parts";

/** `lesson` are questions about the result, `view` is the saved view that it opens at; both may be empty. */
export function Shared({ token, lesson, view }: { token: string; lesson: string; view: string }) {
  const [problem, setProblem] = useState("");
  useEffect(() => {
    history.replaceState(null, "", "#/shared");
    if (!token) {
      if (session.value?.job) go(`jobs/${session.value.job}`);
      else setProblem(t("This link is incomplete: open it again as it was sent."));
      return;
    }
    signIn(token).then(
      () => go(`jobs/${session.value?.job ?? ""}${query({ lesson, view })}`),
      (error: unknown) => setProblem(`${t("This link can't be opened.")} ${sentence(error)}`),
    );
  }, []);
  return (
    <section class="narrow card">
      <h1>{t("Shared result")}</h1>
      {problem ? <Problems text={problem} /> : <Spinner text={t("Opening the result")} />}
    </section>
  );
}
