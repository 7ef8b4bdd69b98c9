/** Find out who we may be before anything is shown: auth off, signed in, or neither. */
import type { Api } from "@/api/client";
import type { About } from "@/api/types";

/** Throws ApiError while nobody answers. */
export async function introduce(api: Api): Promise<void> {
  const about = await api.call<About>("../api");
  if (Array.isArray(about.auths) && about.auths.length === 0) api.tokens.setOpen();
  else await api.tokens.restore();
}
