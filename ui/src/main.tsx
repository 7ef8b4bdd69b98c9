/** The page begins here: one Api for all of it, found beside wherever the page was served from. */
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Api } from "@/api/client";
import { TokenStore } from "@/api/tokens";
import { language, setLanguage } from "@/i18n";
import { App } from "@/views/App";
import { applyTheme } from "@/views/theme";
import "@/styles/base.css";
import "@/styles/kit.css";
import "@/styles/screens.css";
import "@/styles/player.css";

const base = new URL("../api/", document.baseURI);
const api = new Api(base, new TokenStore(base));
const app = document.getElementById("app");
if (!app) throw new Error("index.html has no #app");

applyTheme();
const root = createRoot(app);
const render = () => {
  root.render(
    <StrictMode>
      <App api={api} />
    </StrictMode>,
  );
};
setLanguage(language.get()).then(render, render);
