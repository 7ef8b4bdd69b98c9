/** CopyButton: copies, and says whether it did; works on plain-HTTP pages, too. */
import { type ReactNode, useEffect, useState } from "react";
import { useText } from "@/i18n";
import { Button } from "@/kit/Button";
import { toast } from "@/kit/Toast";
import { copyText } from "@/lib/copy";

interface CopyButtonProps {
  text: string | (() => string);
  children?: ReactNode;
  label?: string;
}

export function CopyButton({ text, children, label }: CopyButtonProps) {
  const t = useText();
  const [isDone, setDone] = useState(false);
  useEffect(() => {
    if (!isDone) return;
    const timer = setTimeout(() => setDone(false), 2_000);
    return () => clearTimeout(timer);
  }, [isDone]);
  const copy = async () => {
    const isCopied = await copyText(typeof text === "string" ? text : text());
    setDone(isCopied);
    toast(isCopied ? t.common.copied : t.common.copyFailed, !isCopied);
  };
  return (
    <Button kind="quiet" icon={isDone ? "check" : "copy"} aria-label={label} onClick={copy}>
      {children ?? t.common.copy}
    </Button>
  );
}
