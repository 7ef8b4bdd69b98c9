/** SelectionBar: one order for all that are ticked. */
import { useReachable } from "@/api/queries";
import { useText } from "@/i18n";
import { Button } from "@/kit/Button";
import { useOrders } from "@/views/orders";

export function SelectionBar({ ids, onDone }: { ids: string[]; onDone: () => void }) {
  const t = useText();
  const orders = useOrders();
  const isReachable = useReachable();
  const all = (name: "start" | "stop" | "restart") => {
    for (const id of ids) orders.order(id, name);
    onDone();
  };
  return (
    <div className="row selection" role="group" aria-label={t.list.selected(ids.length)}>
      <span>{t.list.selected(ids.length)}</span>
      {(["start", "stop", "restart"] as const).map((name) => (
        <Button key={name} disabled={!isReachable} onClick={() => all(name)}>
          {t.list[name]}
        </Button>
      ))}
    </div>
  );
}
