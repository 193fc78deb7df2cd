import "./styles/base.css";
import "./styles/pages.css";
import "./styles/viewers.css";
import { render } from "preact";
import { App } from "./app";
import { follow } from "./core/router";
import { refresh } from "./core/session";
import { failure } from "./ui/status";

follow();
const place = document.getElementById("app");
if (place) render(<App />, place);
refresh().catch((error: unknown) => failure(error));
