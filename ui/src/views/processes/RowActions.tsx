/** RowActions: start or stop at once; all else in the menu. */
import { useState } from "react";
import { useApi, useReachable } from "@/api/queries";
import { processPath } from "@/api/client";
import type { Process } from "@/api/types";
import { useText } from "@/i18n";
import { IconButton } from "@/kit/Button";
import { ConfirmDialog } from "@/kit/Dialog";
import { Icon } from "@/kit/Icon";
import { Menu, type MenuItem } from "@/kit/Menu";
import { toast } from "@/kit/Toast";
import { copyText, saveFile } from "@/lib/copy";
import { navigate } from "@/lib/hash";
import { useOrders } from "@/views/orders";
import { processRoute } from "@/views/routes";

export function RowActions({ process, hasLog = true }: { process: Process; hasLog?: boolean }) {
  const t = useText();
  const api = useApi();
  const orders = useOrders();
  const [isAsking, setAsking] = useState(false);
  const { id } = process;
  const isOrdered = process.state.order === "start";
  const isReachable = useReachable();
  const canRestart = isOrdered && isReachable;
  const copyWhep = async () => {
    const isCopied = await copyText(api.url(processPath(id, "whep")));
    toast(isCopied ? t.common.copied : t.common.copyFailed, !isCopied);
  };
  const exportJson = () =>
    saveFile(`${id}.json`, new Blob([JSON.stringify(process.config, null, 2)], { type: "application/json" }));
  const items: MenuItem[] = [
    { label: t.list.restart, onSelect: () => orders.order(id, "restart"), isDisabled: !canRestart },
    { label: t.list.reload, onSelect: () => orders.order(id, "reload"), isDisabled: !canRestart },
    { label: t.list.edit, onSelect: () => navigate(processRoute(id, "edit")) },
    ...(hasLog ? [{ label: t.list.log, onSelect: () => navigate(processRoute(id, "log")) }] : []),
    { label: t.list.copyWhep, onSelect: () => void copyWhep(), isDisabled: !process.config.webrtc.enabled },
    { label: t.list.duplicate, onSelect: () => navigate(`/new?from=${encodeURIComponent(id)}`) },
    { label: t.list.exportJson, onSelect: exportJson },
    { label: t.list.delete, onSelect: () => setAsking(true), isDanger: true, isDisabled: !isReachable },
  ];
  return (
    <span className="row-actions">
      <IconButton
        icon={isOrdered ? "stop" : "play"}
        label={isOrdered ? t.list.stopOf(id) : t.list.startOf(id)}
        disabled={!isReachable}
        onClick={() => orders.order(id, isOrdered ? "stop" : "start")}
      />
      <Menu label={t.list.menuOf(id)} items={items}>
        <Icon name="more" />
      </Menu>
      {isAsking && (
        <ConfirmDialog
          title={t.command.deleteTitle(id)}
          text={t.command.deleteText}
          yes={t.command.deleteDo}
          isDanger
          onNo={() => setAsking(false)}
          onYes={() => {
            setAsking(false);
            orders.remove(id);
          }}
        />
      )}
    </span>
  );
}
