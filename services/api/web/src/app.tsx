/** The frame around every page: navigation, an upload on its way, who is signed in, and the page the address names. */
import { useEffect, useRef } from "preact/hooks";
import { type Language, language, LANGUAGES, speak, t } from "./core/language";
import type { Text } from "./core/languages/de";
import { route } from "./core/router";
import { session, signOut } from "./core/session";
import { Shared } from "./share/shared";
import { SignIn } from "./signin";
import { Icon, type IconName } from "./ui/icon";
import { Archive, Compare, Headset, JobView, Learn, OwnLesson, ReportPage } from "./ui/lazy";
import { Spinner } from "./ui/parts";
import { failure, Status } from "./ui/status";
import { UploadChip } from "./upload/chip";
import { NewScan } from "./upload/page";

const TITLES: Record<string, [Text, IconName]> = {
  new: ["New scan", "add"],
  archive: ["Archive", "archive"],
  learn: ["Learn", "learn"],
  headset: ["Headset", "headset"],
};

const OTHERS: Record<string, Text> = { jobs: "Result", compare: "Compare studies", report: "Report" };

function Page() {
  const { page, argument, query } = route.value;
  if (page === "shared") return <Shared token={argument} lesson={query.lesson ?? ""} view={query.view ?? ""} />;
  if (session.value === undefined) return <Spinner text={t("Signing in")} />;
  if (session.value === null) return <SignIn />;
  if (page === "report") return <ReportPage id={argument} revision={Number(query.revision) || 1} />;
  const lesson = session.value.job ?? (page === "jobs" ? argument : null);
  if (lesson && query.lesson) return <OwnLesson id={lesson} lesson={query.lesson} key={lesson} />;
  if (session.value.job !== null && page !== "headset") return <JobView id={session.value.job} key={session.value.job} />;
  if (page === "jobs") return <JobView id={argument} key={argument} />;
  if (page === "compare") return <Compare ids={argument.split("/")} />;
  if (page === "archive") return <Archive />;
  if (page === "learn") return <Learn />;
  if (page === "headset") return <Headset />;
  return <NewScan />;
}

function Navigation() {
  if (!session.value || session.value.job !== null) return null;
  const here = route.value.page;
  return (
    <nav aria-label={t("Pages")}>
      {Object.entries(TITLES).map(([page, [title, icon]]) => (
        <a key={page} href={`#/${page}`} aria-current={here === page ? "page" : undefined} aria-label={t(title)}>
          <Icon name={icon} />
          <span>{t(title)}</span>
        </a>
      ))}
    </nav>
  );
}

function Languages() {
  return (
    <select class="language" aria-label={t("Language")} value={language.value} onChange={(event) => void speak(event.currentTarget.value as Language).catch(failure)}>
      {Object.entries(LANGUAGES).map(([name, title]) => (
        <option key={name} value={name} lang={name}>
          {title}
        </option>
      ))}
    </select>
  );
}

export function App() {
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  const { page } = route.value;
  const title = t(TITLES[page]?.[0] ?? OTHERS[page] ?? "Sign in");
  useEffect(() => {
    document.title = `${title} · Viscera`;
  }, [title]);
  useEffect(() => {
    if (!first.current) main.current?.focus();
    first.current = false;
  }, [page]);
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), main.current?.focus())}>
        {t("Skip to the content")}
      </a>
      <header class="masthead">
        <a class="brand" href="#/new" aria-label="Viscera">
          <img src="./favicon.svg" alt="" width={24} height={24} />
          <span>Viscera</span>
        </a>
        <Navigation />
        <div class="who">
          <UploadChip />
          <span class="notice">{t("Research use only, not for diagnosis")}</span>
          <Languages />
          {session.value && session.value.job === null && (
            <>
              <span class="muted name">{session.value.name || session.value.tenant}</span>
              <button type="button" class="quiet small" onClick={() => void signOut().catch(failure)}>
                {t("Sign out")}
              </button>
            </>
          )}
        </div>
      </header>
      <main id="main" tabIndex={-1} ref={main}>
        <Page />
      </main>
      <Status />
    </>
  );
}
