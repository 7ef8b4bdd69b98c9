/** useTestPicture(): a process that FFmpeg draws itself, and straight to watching it. */
import { explain } from "@/views/orders";
import { useSave } from "@/api/queries";
import { toast } from "@/kit/Toast";
import { navigate } from "@/lib/hash";

const ID = "test-picture";

/** Picture and tone; viewers get both encoded, since neither is H.264 or Opus. */
export const TEST_PICTURE = {
  id: ID,
  reference: "Test picture",
  input: [
    { id: "picture", address: "testsrc2=size=1280x720:rate=30", options: ["-re", "-f", "lavfi"] },
    { id: "tone", address: "sine=frequency=440:beep_factor=4:sample_rate=48000", options: ["-re", "-f", "lavfi"] },
  ],
  output: [{ id: "none", address: "-", options: ["-c", "copy", "-f", "null"] }],
  reconnect: true,
  reconnect_delay_seconds: 1,
  autostart: true,
  webrtc: { enabled: true },
};

export function useTestPicture() {
  const save = useSave();
  // not by mutate's callbacks: the list may be there, and the button gone, before the answer is
  const create = async () => {
    try {
      await save.mutateAsync({ id: null, config: TEST_PICTURE });
      navigate(`/process/${ID}/live`);
    } catch (error) {
      toast(explain(error), true);
    }
  };
  return { create, isPending: save.isPending };
}
