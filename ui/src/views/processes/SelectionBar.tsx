/** SelectionBar: one order for all that are ticked. */
import { useText } from "@/i18n";
import { Button } from "@/kit/Button";
import { useOrders } from "@/views/orders";

export function SelectionBar({ ids, onDone }: { ids: string[]; onDone: () => void }) {
  const t = useText();
  const orders = useOrders();
  const all = (name: "start" | "stop" | "restart") => {
    for (const id of ids) orders.order(id, name);
    onDone();
  };
  return (
    <div className="row selection" role="group" aria-label={t.list.selected(ids.length)}>
      <span>{t.list.selected(ids.length)}</span>
      <Button onClick={() => all("start")}>{t.list.start}</Button>
      <Button onClick={() => all("stop")}>{t.list.stop}</Button>
      <Button onClick={() => all("restart")}>{t.list.restart}</Button>
    </div>
  );
}
