/** A share link was opened: trades its token for a session that sees that one job. */
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../core/api";
import { t } from "../core/language";
import { go } from "../core/router";
import { session, signIn } from "../core/session";
import { Problems, Spinner } from "../ui/parts";

export function Shared({ token, lesson }: { token: string; lesson: string }) {
  const [problem, setProblem] = useState("");
  useEffect(() => {
    history.replaceState(null, "", "#/shared");
    if (!token) {
      if (session.value?.job) go(`jobs/${session.value.job}`);
      else setProblem(t("This link is incomplete: open it again as it was sent."));
      return;
    }
    signIn(token).then(
      () => go(`jobs/${session.value?.job ?? ""}${lesson ? `?lesson=${encodeURIComponent(lesson)}` : ""}`),
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
