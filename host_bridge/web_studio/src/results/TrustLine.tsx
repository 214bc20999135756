import { useState } from "preact/hooks";
import { Icon } from "../icons/Icon.tsx";
import type { Variant } from "../session/results.ts";
import { shortVerdict, verdicts, verify } from "../session/verify.ts";

/** The receipt of a variant's file, and what the daemon says when it looks at it again. */
export function TrustLine({ variant }: { variant: Variant }) {
  const [open, setOpen] = useState(false);
  const verdict = verdicts.value.get(variant.sha256);
  const asked = verdict !== undefined && verdict !== "asking";
  return (
    <div class="trust">
      <Icon name="seal" />
      <span>{asked ? shortVerdict(verdict) : "Signed and watermarked"}</span>
      <code class="receipt" title="Receipt">
        {variant.receiptId}
      </code>
      {verdict === undefined && (
        <button type="button" class="link" id="verify" onClick={() => void verify(variant)}>
          Verify
        </button>
      )}
      {verdict === "asking" && <span class="faint">Verifying</span>}
      {asked && (
        <button type="button" class="link" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? "Less" : "Details"}
        </button>
      )}
      {asked && open && (
        <pre class="verdict" data-scrolls>
          {verdict.words}
        </pre>
      )}
    </div>
  );
}
