const KEPT_MS = 60_000;

/** Saves a file where the browser puts what is downloaded. */
export function saveFile(file: Blob, name = file instanceof File ? file.name : "picture"): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
  link.download = name;
  link.click();
}
