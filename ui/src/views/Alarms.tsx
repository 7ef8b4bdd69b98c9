/** Alarms: what is wrong with the daemon as a whole, and what to do about it; gone when it is over. */
import { useAbout } from "@/api/queries";
import { useText } from "@/i18n";
import { Banner } from "@/kit/Banner";
import { dateTime } from "@/lib/format";

export function Alarms() {
  const t = useText();
  const alarms = useAbout().data?.alarms ?? [];
  if (alarms.length === 0) return null;
  return (
    <Banner tone="bad">
      {alarms.map(({ code, text, since }) => (
        <p key={code} className="alarm">
          <strong>{t.said(code, text)}</strong> {t.alarm.todo[code]} <small>{t.alarm.since(dateTime(since))}</small>
        </p>
      ))}
    </Banner>
  );
}
