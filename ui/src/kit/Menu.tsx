/** Menu: a button and its popover, by the ARIA menu pattern: arrows, Home, End, Escape, Tab. */
import { type KeyboardEvent, type ReactNode, useId, useRef, useState } from "react";

export interface MenuItem {
  label: string;
  onSelect: () => void;
  isChecked?: boolean;
  isDanger?: boolean;
  isDisabled?: boolean;
}

interface MenuProps {
  label: string;
  items: readonly MenuItem[];
  className?: string;
  children: ReactNode;
}

export function Menu({ label, items, className = "icon-button", children }: MenuProps) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const [isOpen, setOpen] = useState(false);

  const open = (at: "first" | "last" = "first") => {
    list.current?.showPopover();
    place(button.current, list.current);
    focusItem(list.current, at);
  };
  const close = () => {
    list.current?.hidePopover();
    button.current?.focus();
  };
  const onButtonKey = (event: KeyboardEvent) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    open(event.key === "ArrowDown" ? "first" : "last");
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        className={className}
        aria-label={label}
        title={label}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        aria-controls={id}
        onClick={() => (isOpen ? close() : open())}
        onKeyDown={onButtonKey}
      >
        {children}
      </button>
      <div
        ref={list}
        id={id}
        role="menu"
        aria-label={label}
        popover="auto"
        className="menu"
        onToggle={(event) => setOpen(event.newState === "open")}
        onKeyDown={(event) => onMenuKey(event, list.current, close)}
      >
        {items.map((item) => (
          <button
            key={item.label}
            type="button"
            role={item.isChecked === undefined ? "menuitem" : "menuitemradio"}
            aria-checked={item.isChecked}
            tabIndex={-1}
            disabled={item.isDisabled}
            className={item.isDanger ? "menu-danger" : undefined}
            onClick={() => {
              close();
              item.onSelect();
            }}
          >
            {item.label}
          </button>
        ))}
      </div>
    </>
  );
}

function onMenuKey(event: KeyboardEvent, list: HTMLElement | null, close: () => void): void {
  const target = { ArrowDown: "next", ArrowUp: "previous", Home: "first", End: "last" }[event.key];
  if (target) {
    event.preventDefault();
    focusItem(list, target);
  } else if (event.key === "Escape" || event.key === "Tab") {
    if (event.key === "Escape") event.preventDefault();
    event.stopPropagation();
    close();
  }
}

function focusItem(list: HTMLElement | null, where: string): void {
  const items = [...(list?.querySelectorAll<HTMLButtonElement>("button:not(:disabled)") ?? [])];
  const at = items.findIndex((item) => item === document.activeElement);
  const last = items.length - 1;
  const next = { first: 0, last, next: at >= last ? 0 : at + 1, previous: at <= 0 ? last : at - 1 }[where] ?? 0;
  items[next]?.focus();
}

/** Below the button, or above it where there is no room; never off the screen. */
function place(button: HTMLElement | null, list: HTMLElement | null): void {
  if (!button || !list) return;
  const at = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = list;
  const left = Math.max(8, Math.min(at.right - width, innerWidth - width - 8));
  const isBelow = at.bottom + height + 8 < innerHeight || at.top < height;
  list.style.left = `${left}px`;
  list.style.top = `${isBelow ? at.bottom + 4 : at.top - height - 4}px`;
}
