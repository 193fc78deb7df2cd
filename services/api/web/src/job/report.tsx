/** A tab for the report of a result: says that it is being prepared, then becomes the PDF. */
import { useEffect, useState } from "preact/hooks";
import { api, sentence } from "../core/api";
import { language, t } from "../core/language";
import { Problems, Spinner } from "../ui/parts";

/** The address of that tab. */
export function reportPage(id: string, revision: number): string {
  return `#/report/${id}?revision=${revision}`;
}

export function ReportPage({ id, revision }: { id: string; revision: number }) {
  const [problem, setProblem] = useState("");
  useEffect(() => {
    const path = `${api.file(id, "report.pdf", revision)}&lang=${language.peek()}`;
    api.written(path).then(
      () => location.replace(path),
      (error: unknown) => setProblem(sentence(error)),
    );
  }, [id, revision]);
  return (
    <section class="narrow card">
      <h1>{t("Report")}</h1>
      {problem ? <Problems text={problem} /> : <Spinner text={t("The report is being prepared")} />}
    </section>
  );
}
