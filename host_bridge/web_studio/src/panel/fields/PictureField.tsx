import { useState } from "preact/hooks";
import { Icon } from "../../icons/Icon.tsx";
import type { GivenPicture } from "../../session/choices.ts";
import { stored } from "../../session/daemon.ts";
import { picture } from "../../session/document.ts";
import { fail } from "../../session/notices.ts";
import type { FieldProps } from "./FieldRow.tsx";

const MOST = 16;

/** Pictures that an operation follows: chosen, dropped here, or the open one. */
export function PictureField({ field, value, onChange }: FieldProps) {
  const given = (value ?? []) as GivenPicture[];
  const [busy, setBusy] = useState(false);
  const most = field.several ? MOST : 1;
  const add = async (files: readonly { file: Blob; name: string }[]) => {
    setBusy(true);
    try {
      const added = await Promise.all(files.slice(0, most).map(givenPicture));
      onChange([...given, ...added].slice(-most));
    } catch (problem) {
      fail(problem);
    } finally {
      setBusy(false);
    }
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    delete document.body.dataset.dropping;
    void add([...(event.dataTransfer?.files ?? [])].map((file) => ({ file, name: file.name })));
  };
  return (
    <fieldset class="pictures" aria-busy={busy} onDrop={drop}>
      <legend title={field.help}>{field.label}</legend>
      <div class="picture-list">
        {given.map((each, index) => (
          <figure key={each.sha256}>
            <img src={each.url} alt={each.name} title={each.name} />
            <button
              type="button"
              class="tool small"
              aria-label={`Remove ${each.name}`}
              onClick={() => onChange(without(given, index))}
            >
              <Icon name="close" />
            </button>
          </figure>
        ))}
        {given.length < most && (
          <label class="picture-add">
            <Icon name="plus" />
            <span>{field.several ? "Add" : "Choose"}</span>
            <input
              type="file"
              class="unseen"
              accept="image/*"
              multiple={field.several}
              aria-label={`${field.label}: choose a picture`}
              onChange={(event) => {
                const files = [...(event.currentTarget.files ?? [])].map((file) => ({
                  file,
                  name: file.name,
                }));
                event.currentTarget.value = "";
                void add(files);
              }}
            />
          </label>
        )}
      </div>
      {given.length === 0 && (
        <p class="hint-line">
          {field.default === null && !field.several
            ? "Empty follows the open picture."
            : "Choose or drop pictures."}
          {picture.value && field.several && (
            <>
              {" "}
              <button
                type="button"
                class="link"
                onClick={() => picture.value && void add([picture.value])}
              >
                Use the open one
              </button>
            </>
          )}
        </p>
      )}
    </fieldset>
  );
}

function without(given: readonly GivenPicture[], index: number): GivenPicture[] | undefined {
  const left = given.filter((_, place) => place !== index);
  return left.length > 0 ? left : undefined;
}

async function givenPicture({ file, name }: { file: Blob; name: string }): Promise<GivenPicture> {
  return { sha256: await stored(file), name, url: URL.createObjectURL(file) };
}
