/** useText(): every sentence of the page in the chosen language; others are loaded when wanted. */
import { useSyncExternalStore } from "react";
import { setLocale } from "@/lib/format";
import { Preference } from "@/lib/preference";
import { Store } from "@/lib/store";
import { type Dict, en } from "@/i18n/en";

export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;

export const language = new Preference<Language>("language", wanted(), ["en", "de"]);
const text = new Store<Dict>(en);

function wanted(): Language {
  return typeof navigator !== "undefined" && /^de\b/i.test(navigator.language) ? "de" : "en";
}

/** Load the language and switch to it. */
export async function setLanguage(next: Language): Promise<void> {
  const dict = next === "de" ? (await import("@/i18n/de")).de : en;
  language.set(next);
  document.documentElement.lang = next;
  const isSame = typeof navigator !== "undefined" && navigator.language.startsWith(next);
  setLocale(isSame ? navigator.language : next);
  text.set(dict);
}

export function useText(): Dict {
  return useSyncExternalStore(text.subscribe, text.get);
}

export function currentText(): Dict {
  return text.get();
}

export type { Dict };
