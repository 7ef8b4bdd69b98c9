/** German. */
import type { Dict } from "@/i18n/en";
import { en } from "@/i18n/en";

export const de: Dict = en;
