/** NotFound: an address that is no screen. */
import { Link } from "wouter";
import { useText } from "@/i18n";

export function NotFound() {
  const t = useText();
  return (
    <div className="page">
      <h1>{t.app.notFound}</h1>
      <p>
        <Link href="/">{t.app.backToList}</Link>
      </p>
    </div>
  );
}
