import { offeredModes, operationForms } from "./form.ts";
import { MaskFields } from "./MaskFields.tsx";
import { ModeChips } from "./ModeChips.tsx";
import { OperationCard } from "./OperationCard.tsx";
import { OutputFields } from "./OutputFields.tsx";
import { PromptFields } from "./PromptFields.tsx";

/** Everything that one edit is made from. */
export function EditPanel() {
  return (
    <form class="edit-panel" onSubmit={(event) => event.preventDefault()}>
      <div class="scrolls" data-scrolls>
        <ModeChips modes={offeredModes.value} />
        <PromptFields />
        <MaskFields />
        <section aria-labelledby="operations-title">
          <h2 id="operations-title" class="section-title">
            Operations
          </h2>
          <ul class="operations">
            {operationForms.value.map((form) => (
              <OperationCard key={form.name} form={form} />
            ))}
          </ul>
        </section>
        <OutputFields />
      </div>
    </form>
  );
}
