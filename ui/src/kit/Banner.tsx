/** Banner: something about the whole page or screen that stays until it is over. */
import type { ReactNode } from "react";
import { Icon } from "@/kit/Icon";

interface BannerProps {
  tone: "warn" | "bad" | "info";
  children: ReactNode;
  action?: ReactNode;
}

export function Banner({ tone, children, action }: BannerProps) {
  return (
    <div className={`banner banner-${tone}`} role={tone === "bad" ? "alert" : "status"}>
      <Icon name="warning" />
      <div className="banner-text">{children}</div>
      {action}
    </div>
  );
}
