/** Theme: as the system has it, or chosen. */
import { Preference } from "@/lib/preference";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];
export const theme = new Preference<Theme>("theme", "system", THEMES);

export function applyTheme(): void {
  const set = () => {
    document.documentElement.dataset["theme"] = theme.get();
  };
  theme.subscribe(set);
  set();
}
