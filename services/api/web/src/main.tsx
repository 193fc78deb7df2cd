import "./styles/base.css";
import "./styles/pages.css";
import { render } from "preact";
import { App } from "./app";
import { begin } from "./core/language";
import { follow, followSearchKey } from "./core/router";
import { refresh, session } from "./core/session";
import { failure } from "./ui/status";

follow();
followSearchKey(() => !!session.value && session.value.job === null);
const place = document.getElementById("app");
// A catalogue that can't be loaded leaves the page in English.
await begin().catch(() => undefined);
if (place) render(<App />, place);
refresh().catch((error: unknown) => failure(error));
