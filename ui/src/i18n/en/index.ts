/** English; the shape of every language. One file a room of the page. */
import { editor } from "@/i18n/en/editor";
import { list } from "@/i18n/en/list";
import { player } from "@/i18n/en/player";
import { process } from "@/i18n/en/process";
import { reasons } from "@/i18n/en/reasons";
import { shell } from "@/i18n/en/shell";
import { system } from "@/i18n/en/system";

export const en = { ...shell, ...list, ...process, ...player, ...editor, ...system, ...reasons };

export type Dict = typeof en;
