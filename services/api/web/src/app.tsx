/** The frame around every page: navigation, who is signed in, and the page the address names. */
import { useEffect, useRef } from "preact/hooks";
import { Archive } from "./archive/page";
import { route } from "./core/router";
import { session, signOut } from "./core/session";
import { Headset } from "./headset/page";
import { JobView } from "./job/page";
import { Learn } from "./learn/page";
import { Shared } from "./share/shared";
import { SignIn } from "./signin";
import { Spinner } from "./ui/parts";
import { failure, Status } from "./ui/status";
import { NewScan } from "./upload/page";

const TITLES: Record<string, string> = {
  new: "New scan",
  archive: "Archive",
  learn: "Learn",
  headset: "Headset",
  jobs: "Result",
};

function Page() {
  const { page, argument } = route.value;
  if (page === "shared") return <Shared token={argument} />;
  if (session.value === undefined) return <Spinner text="Signing in" />;
  if (session.value === null) return <SignIn />;
  if (session.value.job !== null && page !== "headset") return <JobView id={session.value.job} key={session.value.job} />;
  if (page === "jobs") return <JobView id={argument} key={argument} />;
  if (page === "archive") return <Archive />;
  if (page === "learn") return <Learn />;
  if (page === "headset") return <Headset />;
  return <NewScan />;
}

function Navigation() {
  if (!session.value || session.value.job !== null) return null;
  const here = route.value.page;
  return (
    <nav aria-label="Pages">
      {["new", "archive", "learn", "headset"].map((page) => (
        <a key={page} href={`#/${page}`} aria-current={here === page ? "page" : undefined}>
          {TITLES[page]}
        </a>
      ))}
    </nav>
  );
}

export function App() {
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  const { page } = route.value;
  useEffect(() => {
    document.title = `${TITLES[page] ?? "Sign in"} · Viscera`;
    if (!first.current) main.current?.focus();
    first.current = false;
  }, [page]);
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), main.current?.focus())}>
        Skip to the content
      </a>
      <header class="top">
        <a class="brand" href="#/new">
          <img src="./favicon.svg" alt="" width={28} height={28} />
          Viscera
        </a>
        <Navigation />
        {session.value && (
          <div class="who">
            <span class="muted">{session.value.name || session.value.tenant}</span>
            <button type="button" class="quiet" onClick={() => void signOut().catch(failure)}>
              Sign out
            </button>
          </div>
        )}
      </header>
      <main id="main" tabIndex={-1} ref={main}>
        <Page />
      </main>
      <footer>Research use only. Not a medical device, not for diagnosis.</footer>
      <Status />
    </>
  );
}
