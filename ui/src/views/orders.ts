/** useOrders(): give an order, and say how it went. */
import { ApiError } from "@/api/client";
import { useCommand, useDelete } from "@/api/queries";
import type { Command } from "@/api/types";
import { useText } from "@/i18n";
import { toast } from "@/kit/Toast";
import { navigate } from "@/lib/hash";

export function useOrders() {
  const t = useText();
  const command = useCommand();
  const remove = useDelete();
  return {
    order(id: string, name: Command) {
      command.mutate(
        { id, command: name },
        {
          onSuccess: () => toast(t.command.ordered(id, t.list[name])),
          onError: (error) => toast(t.command.failed(id, t.list[name], explain(error)), true),
        },
      );
    },
    remove(id: string) {
      remove.mutate(id, {
        onSuccess: () => {
          toast(t.command.deleted(id));
          if (location.hash.includes("/process/")) navigate("/");
        },
        onError: (error) => toast(t.command.failed(id, t.command.deleteDo, explain(error)), true),
      });
    },
  };
}

/** What the daemon said, as one sentence. */
export function explain(error: unknown): string {
  if (error instanceof ApiError) return [error.message, ...error.details].join(" ");
  return error instanceof Error ? error.message : String(error);
}
