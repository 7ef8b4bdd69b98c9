/** useOrders(): give an order, and say how it went. */
import { ApiError } from "@/api/client";
import { useCommand, useDelete } from "@/api/queries";
import type { Command } from "@/api/types";
import { currentText, useText } from "@/i18n";
import { toast } from "@/kit/Toast";
import { navigate } from "@/lib/hash";

export function useOrders() {
  const t = useText();
  const command = useCommand();
  const remove = useDelete();
  // awaited, not by mutate's callbacks: a row may be gone before its answer comes
  const order = async (id: string, name: Command) => {
    try {
      await command.mutateAsync({ id, command: name });
      toast(t.command.ordered(id, t.list[name]));
    } catch (error) {
      toast(t.command.failed(id, t.list[name], explain(error)), true);
    }
  };
  const forget = async (id: string) => {
    try {
      await remove.mutateAsync(id);
      toast(t.command.deleted(id));
      if (location.hash.includes("/process/")) navigate("/");
    } catch (error) {
      toast(t.command.failed(id, t.command.deleteDo, explain(error)), true);
    }
  };
  return {
    order: (id: string, name: Command) => void order(id, name),
    remove: (id: string) => void forget(id),
  };
}

/** What the daemon said, or that it said nothing, in the page's language. */
export function explain(error: unknown): string {
  if (error instanceof ApiError) return [sentence(error), ...error.details].join(" ");
  return error instanceof Error ? error.message : String(error);
}

export function sentence({ status, reason, message }: ApiError): string {
  const t = currentText();
  return status === 0 ? (t.cause[reason] ?? message) : t.said(reason, message);
}
