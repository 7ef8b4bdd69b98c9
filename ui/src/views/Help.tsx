/** Help: the keys. */
import { useText } from "@/i18n";
import { Dialog } from "@/kit/Dialog";

export function Help({ onClose }: { onClose: () => void }) {
  const t = useText();
  const rows: [string, string][] = [
    ["g l", t.app.helpList],
    ["/", t.app.helpFilter],
    ["n", t.app.helpNew],
    ["?", t.app.helpHelp],
  ];
  const player: [string, string][] = [
    ["Space, K", `${t.player.play}, ${t.player.pause}`],
    ["M", `${t.player.mute}, ${t.player.unmute}`],
    ["↑ ↓", t.player.volume],
    ["F", t.player.fullscreen],
    ["P", t.player.pip],
    ["S", t.player.stats],
    ["R", t.player.retryNow],
  ];
  return (
    <Dialog title={t.app.help} onClose={onClose}>
      <KeyTable rows={rows} />
      <h3>{t.app.helpPlayer}</h3>
      <KeyTable rows={player} />
    </Dialog>
  );
}

function KeyTable({ rows }: { rows: [string, string][] }) {
  return (
    <dl className="facts">
      {rows.map(([key, text]) => (
        <div key={key}>
          <dt>
            <kbd>{key}</kbd>
          </dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}
