/** Shell: the frame around every screen: where to go, who you are, whether the daemon answers. */
import { type ReactNode, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { Link, useLocation } from "wouter";
import { useApi, useIsOutdated } from "@/api/queries";
import { LANGUAGES, type Language, language, setLanguage, useText } from "@/i18n";
import { Banner } from "@/kit/Banner";
import { Button } from "@/kit/Button";
import { Icon } from "@/kit/Icon";
import { Menu, type MenuItem } from "@/kit/Menu";
import { duration } from "@/lib/format";
import { navigate } from "@/lib/hash";
import { Help } from "@/views/Help";
import { THEMES, theme } from "@/views/theme";
import { useKeys } from "@/views/keys";

export function Shell({ children }: { children: ReactNode }) {
  const t = useText();
  const [path] = useLocation();
  const main = useRef<HTMLElement>(null);
  const [isHelp, setHelp] = useState(false);
  useKeys({
    "?": () => setHelp(true),
    "/": () => main.current?.querySelector<HTMLElement>("input[type=search]")?.focus(),
    n: () => navigate("/new"),
    "g l": () => navigate("/"),
  });
  useFocusOnNavigation(path, main);
  const isList = path === "/" || path.startsWith("/process") || path === "/new";
  return (
    <>
      <a
        className="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault(); // the fragment is the route
          main.current?.focus();
        }}
      >
        {t.app.skip}
      </a>
      <header className="bar">
        <Link href="/" className="brand">
          <img src="./icon.svg" alt="" width="24" height="24" />
          dragonctl
        </Link>
        <nav aria-label="dragonctl">
          <Link href="/" aria-current={isList ? "page" : undefined}>
            {t.app.processes}
          </Link>
          <Link href="/wall" aria-current={path === "/wall" ? "page" : undefined}>
            {t.app.wall}
          </Link>
          <Link href="/system" aria-current={path === "/system" ? "page" : undefined}>
            {t.app.system}
          </Link>
        </nav>
        <Menus />
      </header>
      <Unreachable />
      <Outdated />
      <main ref={main} id="main" tabIndex={-1}>
        {children}
      </main>
      {isHelp && <Help onClose={() => setHelp(false)} />}
    </>
  );
}

function Menus() {
  const t = useText();
  const { tokens } = useApi();
  const status = useSyncExternalStore(tokens.status.subscribe, tokens.status.get);
  const chosen = useSyncExternalStore(theme.subscribe, theme.get);
  const spoken = useSyncExternalStore(language.subscribe, language.get);
  const themes: MenuItem[] = THEMES.map((one) => ({
    label: t.app.themes[one],
    isChecked: one === chosen,
    onSelect: () => theme.set(one),
  }));
  const languages = (Object.keys(LANGUAGES) as Language[]).map((one) => ({
    label: LANGUAGES[one],
    isChecked: one === spoken,
    onSelect: () => void setLanguage(one),
  }));
  const account = [...languages, ...(status === "open" ? [] : [{ label: t.app.signOut, onSelect: () => tokens.signOut() }])];
  return (
    <div className="row bar-menus">
      <Menu label={t.app.theme} items={themes}>
        <Icon name="theme" />
      </Menu>
      <Menu label={status === "open" ? t.app.language : t.app.account(tokens.name)} items={account}>
        <Icon name="user" />
      </Menu>
    </div>
  );
}

function Unreachable() {
  const t = useText();
  const { reach } = useApi();
  const { answered, failing } = useSyncExternalStore(reach.subscribe, reach.get);
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (failing === null) return;
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [failing]);
  document.documentElement.classList.toggle("unreachable", failing !== null);
  if (failing === null) return null;
  const seconds = Math.max(0, Math.round((Math.max(now, failing) - answered) / 1000));
  return <Banner tone="warn">{t.app.unreachable(duration(seconds))}</Banner>;
}

/** The daemon was upgraded under this page. Only a person reloads it: somebody may be watching. */
function Outdated() {
  const t = useText();
  if (!useIsOutdated()) return null;
  return (
    <Banner tone="info" action={<Button onClick={() => location.reload()}>{t.app.reload}</Button>}>
      {t.app.outdated}
    </Banner>
  );
}

/** A new screen begins at its top; who uses the keyboard goes on from there. */
function useFocusOnNavigation(path: string, main: { current: HTMLElement | null }): void {
  const before = useRef(path);
  useEffect(() => {
    if (before.current === path) return;
    before.current = path;
    main.current?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [path, main]);
}
