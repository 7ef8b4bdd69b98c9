/** English: what the daemon says is English already; what to do about an alarm. */

export const reasons = {
  /** Say what the daemon says, by its stable word (docs/reference/reasons.md). */
  said: (_word: string, text: string) => text,
  alarm: {
    since: (time: string) => `Since ${time}.`,
    todo: {
      "many-failures": "Look at the machine, the network, the disk; this goes by itself.",
      "disk-full": "Make room or raise the limit, then start what was stopped.",
      "store-recovered": "Look whether the newest changes are missing. The damaged file was kept beside it.",
      "store-read-only": "Let the daemon write to db.dir, then start it anew.",
    } as Record<string, string>,
  },
};
