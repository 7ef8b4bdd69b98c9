/** German. */
import type { Dict } from "@/i18n/en";
import { editor } from "@/i18n/de/editor";
import { list } from "@/i18n/de/list";
import { player } from "@/i18n/de/player";
import { process } from "@/i18n/de/process";
import { reasons } from "@/i18n/de/reasons";
import { shell } from "@/i18n/de/shell";
import { system } from "@/i18n/de/system";

export const de: Dict = { ...shell, ...list, ...process, ...player, ...editor, ...system, ...reasons };
