/** ShareDialog: a link for one process that ends by itself; and the same for an iframe. */
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError } from "@/api/client";
import { makeViewerToken, useApi } from "@/api/queries";
import type { ViewerToken } from "@/api/types";
import { useText } from "@/i18n";
import { Banner } from "@/kit/Banner";
import { Button } from "@/kit/Button";
import { CopyButton } from "@/kit/CopyButton";
import { Dialog } from "@/kit/Dialog";
import { NumberField, SelectField, TextField } from "@/kit/Field";
import { dateTime } from "@/lib/format";
import { explain } from "@/views/orders";
import { absolute } from "@/views/routes";

const HOUR = 3_600;

export function ShareDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const t = useText();
  const api = useApi();
  const [ttl, setTtl] = useState(String(24 * HOUR));
  const [viewers, setViewers] = useState(0);
  const make = useMutation({ mutationFn: () => makeViewerToken(api, id, Number(ttl), viewers || 0) });
  const { share } = t;
  return (
    <Dialog title={share.title(id)} onClose={onClose}>
      <p>{share.text}</p>
      <div className="row">
        <SelectField
          label={share.lasts}
          value={ttl}
          onChange={(event) => setTtl(event.target.value)}
          options={[
            [String(HOUR), share.ttl.hour],
            [String(24 * HOUR), share.ttl.day],
            [String(7 * 24 * HOUR), share.ttl.week],
            [String(30 * 24 * HOUR), share.ttl.month],
          ]}
        />
        <NumberField label={share.viewers} hint={share.viewersHint} value={viewers} onValue={setViewers} />
      </div>
      <Button kind="primary" disabled={make.isPending} onClick={() => make.mutate()}>
        {share.make}
      </Button>
      {make.error && (
        <Banner tone="bad">
          {make.error instanceof ApiError && make.error.status === 404 ? share.unavailable : explain(make.error)}
        </Banner>
      )}
      {make.data && <Made id={id} made={make.data} />}
    </Dialog>
  );
}

function Made({ id, made }: { id: string; made: ViewerToken }) {
  const t = useText();
  const link = absolute(`/watch/${encodeURIComponent(id)}?token=${made.token}`);
  const embed = `<iframe src="${link.replaceAll("&", "&amp;")}" width="640" height="360" allow="autoplay; fullscreen; picture-in-picture"></iframe>`;
  const until = typeof made.expires_at === "number" ? made.expires_at : Date.parse(made.expires_at) / 1000;
  return (
    <div className="stack" role="status">
      <TextField label={t.share.link} readOnly value={link} onFocus={(event) => event.target.select()} after={<CopyButton text={link} />} />
      <TextField
        label={t.share.embed}
        hint={t.share.embedNote}
        readOnly
        value={embed}
        onFocus={(event) => event.target.select()}
        after={<CopyButton text={embed} label={`${t.common.copy}: ${t.share.embed}`} />}
      />
      <p className="quiet">{t.share.until(dateTime(until))}</p>
    </div>
  );
}
