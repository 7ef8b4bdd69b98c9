/** Poster: what a process showed last, as a small picture; nothing while there is none. */
import { useQuery } from "@tanstack/react-query";
import { ApiError, processPath } from "@/api/client";
import { useApi, usePace } from "@/api/queries";

const FRESH = 15_000; // milliseconds

export function Poster({ id, isLive, className = "poster" }: { id: string; isLive: boolean; className?: string }) {
  const api = useApi();
  const paced = usePace();
  const { data } = useQuery({
    queryKey: ["poster", id],
    enabled: isLive,
    refetchInterval: () => paced(FRESH),
    queryFn: async ({ signal }) => {
      try {
        const picture = await api.open(processPath(id, "poster.jpg"), { signal });
        return await readAddress(await picture.blob());
      } catch (error) {
        if (error instanceof ApiError && error.status !== 0) return null; // no picture now
        throw error;
      }
    },
  });
  return isLive && data ? <img className={className} src={data} alt="" /> : null;
}

/** As an address that is the picture itself: a blob's has to be taken back, and then breaks. */
function readAddress(picture: Blob): Promise<string> {
  return new Promise((done, fail) => {
    const reader = new FileReader();
    reader.onload = () => done(String(reader.result));
    reader.onerror = () => fail(reader.error ?? new Error("no picture"));
    reader.readAsDataURL(picture);
  });
}
