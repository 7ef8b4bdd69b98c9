/** Buttons: with words, or an icon whose name only assistive technology hears. */
import type { ButtonHTMLAttributes, Ref } from "react";
import { Icon, type IconName } from "@/kit/Icon";

type Plain = ButtonHTMLAttributes<HTMLButtonElement> & { ref?: Ref<HTMLButtonElement> };

interface ButtonProps extends Plain {
  kind?: "primary" | "danger" | "quiet";
  icon?: IconName;
}

export function Button({ kind, icon, className, children, type = "button", ...rest }: ButtonProps) {
  const names = ["button", kind && `button-${kind}`, className].filter(Boolean).join(" ");
  return (
    <button type={type} className={names} {...rest}>
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

interface IconButtonProps extends Plain {
  icon: IconName;
  label: string;
}

export function IconButton({ icon, label, className, type = "button", ...rest }: IconButtonProps) {
  const names = ["icon-button", className].filter(Boolean).join(" ");
  return (
    <button type={type} className={names} aria-label={label} title={label} {...rest}>
      <Icon name={icon} />
    </button>
  );
}
