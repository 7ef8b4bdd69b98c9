/** Page: which build of the UI runs here, and whether the daemon has another one by now. */

/** The script that began this page, as its HTML names it: the bundler puts a hash of all code into it. */
export function ownScript(): string {
  return document.querySelector("script[type=module][src]")?.getAttribute("src") ?? "";
}

/** Whether this HTML is a page of the UI, and begins with another script. */
export function isOtherBuild(html: string, own: string): boolean {
  return own !== "" && html.includes('type="module"') && !html.includes(own);
}

/** The hash alone, for a person to compare. */
export function buildOf(script: string): string {
  return /-([\w-]{8,})\.js$/.exec(script)?.[1] ?? "–";
}
