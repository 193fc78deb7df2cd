/** Sign in with an API key, or with the hospital's own sign-in where it is set up. */
import { useEffect, useState } from "preact/hooks";
import { api, Problem, sentence } from "./core/api";
import { t } from "./core/language";
import { signIn } from "./core/session";
import { Problems } from "./ui/parts";

export function SignIn() {
  const [key, setKey] = useState("");
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const [login, setLogin] = useState("");
  useEffect(() => {
    api.oidc().then(
      (found) => found.enabled && setLogin(found.login),
      () => undefined,
    );
  }, []);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setProblem("");
    try {
      await signIn(key.trim());
    } catch (error) {
      const wrong = error instanceof Problem && error.status === 401;
      setProblem(wrong ? t("This key is not known here. Check it, or ask who runs this service for one.") : sentence(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <section class="narrow card">
      <h1>{t("Sign in")}</h1>
      <form onSubmit={(event) => void submit(event)}>
        <label>
          {t("API key")}
          <input
            type="password"
            autocomplete="current-password"
            required
            value={key}
            onInput={(event) => setKey(event.currentTarget.value)}
          />
        </label>
        <Problems text={problem} />
        <button type="submit" class="primary" disabled={busy || !key.trim()}>
          {t("Sign in")}
        </button>
      </form>
      {login && (
        <p class="row">
          <a class="button" href={login}>
            {t("Sign in with your organisation")}
          </a>
        </p>
      )}
      <p class="muted"><code>viscera serve</code> {t("prints a key when it starts. The key stays in a cookie that no script can read.")}</p>
    </section>
  );
}
