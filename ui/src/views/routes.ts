/** Addresses of the screens. */

export function processRoute(id: string, tab = ""): string {
  return `/process/${encodeURIComponent(id)}${tab && `/${tab}`}`;
}

/** The address of this page with another route, to be given away. */
export function absolute(route: string): string {
  const url = new URL(location.href);
  url.hash = route;
  return url.href;
}
