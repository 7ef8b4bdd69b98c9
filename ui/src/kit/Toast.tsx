/** Toasts: what was done or went wrong; one polite live region for the whole page. */
import { useSyncExternalStore } from "react";
import { Store } from "@/lib/store";

interface Note {
  id: number;
  text: string;
  isBad: boolean;
}

const SHOWN = 6_000; // milliseconds
const notes = new Store<readonly Note[]>([]);
let last = 0;

export function toast(text: string, isBad = false): void {
  const id = ++last;
  notes.set([...notes.get().slice(-2), { id, text, isBad }]);
  setTimeout(() => notes.set(notes.get().filter((note) => note.id !== id)), isBad ? 2 * SHOWN : SHOWN);
}

export function Toasts() {
  const shown = useSyncExternalStore(notes.subscribe, notes.get);
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map((note) => (
        <p key={note.id} className={note.isBad ? "toast toast-bad" : "toast"}>
          {note.text}
        </p>
      ))}
    </div>
  );
}
