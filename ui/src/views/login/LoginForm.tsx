/** LoginForm: name and password; what was typed stays when the daemon says no. */
import { type FormEvent, useEffect, useRef, useState } from "react";
import { isRecord } from "@/api/client";
import { useApi } from "@/api/queries";
import { type Dict, useText } from "@/i18n";
import { Button } from "@/kit/Button";
import { SwitchField, TextField } from "@/kit/Field";
import { duration } from "@/lib/format";

export function LoginForm({ name = "" }: { name?: string }) {
  const t = useText();
  const { tokens } = useApi();
  const [username, setUsername] = useState(name);
  const [password, setPassword] = useState("");
  const [isShown, setShown] = useState(false);
  const [stays, setStays] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const [wait, setWait] = useCountdown();
  const input = useRef<HTMLInputElement>(null);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError("");
    try {
      const response = await tokens.signIn(username, password, stays);
      if (response.ok) return;
      if (response.status === 429) setWait(Number(response.headers.get("Retry-After") ?? 5));
      else setError(await sentence(response, t));
      input.current?.focus();
    } catch {
      setError(t.login.waiting(location.host));
    } finally {
      setBusy(false);
    }
  };
  const problem = wait > 0 ? t.login.tooMany(duration(wait)) : error;
  return (
    <form className="stack" onSubmit={submit}>
      <TextField
        label={t.login.username}
        autoComplete="username"
        autoCapitalize="none"
        required
        autoFocus={!name}
        value={username}
        onChange={(event) => setUsername(event.target.value)}
      />
      <TextField
        ref={input}
        label={t.login.password}
        type={isShown ? "text" : "password"}
        autoComplete="current-password"
        required
        autoFocus={Boolean(name)}
        value={password}
        error={problem || undefined}
        onChange={(event) => setPassword(event.target.value)}
        after={
          <Button aria-label={t.login.show} aria-pressed={isShown} onClick={() => setShown(!isShown)}>
            {isShown ? t.common.hide : t.common.show}
          </Button>
        }
      />
      <SwitchField label={t.login.stay} isOn={stays} onChange={setStays} />
      <Button type="submit" kind="primary" disabled={isBusy || wait > 0}>
        {t.login.submit}
      </Button>
    </form>
  );
}

async function sentence(response: Response, t: Dict): Promise<string> {
  if (response.status === 401) return t.login.wrong;
  const body: unknown = await response.json().catch(() => null);
  const said = isRecord(body) ? body : {};
  return t.login.refused(t.said(String(said["reason"] ?? ""), String(said["message"] ?? response.status)));
}

function useCountdown(): [number, (seconds: number) => void] {
  const [left, setLeft] = useState(0);
  useEffect(() => {
    if (left <= 0) return;
    const timer = setTimeout(() => setLeft(left - 1), 1_000);
    return () => clearTimeout(timer);
  }, [left]);
  return [left, setLeft];
}
