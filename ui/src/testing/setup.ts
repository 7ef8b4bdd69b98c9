/** For all unit tests: clean up after each, and what jsdom lacks. */
import { cleanup, configure } from "@testing-library/react";
import { afterEach } from "vitest";

globalThis.scrollTo = () => undefined; // jsdom has none, and says so each time
Element.prototype.scrollIntoView = () => undefined;
configure({ asyncUtilTimeout: 20_000 }); // a busy machine's; what comes ends the wait

afterEach(() => {
  cleanup();
  localStorage.clear();
  sessionStorage.clear();
  location.hash = "";
});

if (!HTMLDialogElement.prototype.showModal) {
  HTMLDialogElement.prototype.showModal = function showModal() {
    this.open = true;
  };
  HTMLDialogElement.prototype.close = function close() {
    this.open = false;
    this.dispatchEvent(new Event("close"));
  };
}
if (!HTMLElement.prototype.showPopover) {
  HTMLElement.prototype.showPopover = function showPopover() {
    this.dataset["open"] = "";
  };
  HTMLElement.prototype.hidePopover = function hidePopover() {
    delete this.dataset["open"];
  };
}
globalThis.matchMedia ??= (media: string) => Object.assign(new EventTarget(), { media, matches: true }) as unknown as MediaQueryList;
