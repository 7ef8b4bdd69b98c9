/** useEvents(): the daemon's server-sent events put news into the queries' cache; polling is the net below. */

export function useEvents(): void {
  // filled in when the daemon sends events
}
