/** copyText(): the clipboard, or the old way where a plain-HTTP page has none. */

export async function copyText(text: string, doc: Document = document): Promise<boolean> {
  const clipboard = doc.defaultView?.navigator.clipboard;
  if (clipboard) {
    try {
      await clipboard.writeText(text);
      return true;
    } catch {
      // no permission, or no focus: the old way may still be open
    }
  }
  const area = doc.createElement("textarea");
  area.value = text;
  area.readOnly = true;
  area.className = "visually-hidden";
  const before = doc.activeElement;
  (doc.querySelector("dialog[open]") ?? doc.body).append(area);
  area.select();
  try {
    return doc.execCommand("copy");
  } catch {
    return false;
  } finally {
    area.remove();
    if (before instanceof HTMLElement) before.focus();
  }
}

/** Offer text as a file. */
export function saveFile(name: string, content: Blob, doc: Document = document): void {
  const url = URL.createObjectURL(content);
  const link = doc.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
