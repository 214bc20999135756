import { useState } from "preact/hooks";
import { pairing, pairingProblem, pairWith } from "./pairing.ts";

/** Asks for the code that `retouch pair` shows. */
export function PairingPage() {
  const [code, setCode] = useState("");
  const asking = pairing.value === "asking";
  return (
    <main class="pairing">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void pairWith(code);
        }}
      >
        <h1 class="mark">
          <i aria-hidden="true" />
          Retouch
        </h1>
        <p>
          Run <code>retouch studio</code> to open a page that is paired already, or{" "}
          <code>retouch pair</code> and enter its code.
        </p>
        <label class="label" for="code">
          Code, 8 digits
        </label>
        <div class="pairing-row">
          <input
            id="code"
            class="text number"
            inputMode="numeric"
            autoComplete="off"
            maxLength={8}
            pattern="\d{8}"
            required
            value={code}
            aria-invalid={pairingProblem.value !== ""}
            aria-describedby="pairing-problem"
            onInput={(event) => setCode(event.currentTarget.value.replace(/\D/g, ""))}
          />
          <button type="submit" class="button primary" disabled={asking || code.length !== 8}>
            {asking ? "Pairing" : "Pair"}
          </button>
        </div>
        <p id="pairing-problem" class="problem" role="alert">
          {pairingProblem.value}
        </p>
      </form>
    </main>
  );
}
