/** Find out who we may be before anything is shown: auth off, signed in, or neither. */
import type { Api } from "@/api/client";
import type { About } from "@/api/types";

/** Throws ApiError while nobody answers. */
export async function introduce(api: Api): Promise<void> {
  // who was here before needn't wait for the word on whether a login is wanted at all
  if (api.tokens.isKnown) await api.tokens.restore();
  if (api.tokens.status.get() === "in") return;
  const about = await api.call<About>("../api");
  if (Array.isArray(about.auths) && about.auths.length === 0) api.tokens.setOpen();
  else await api.tokens.restore();
}
