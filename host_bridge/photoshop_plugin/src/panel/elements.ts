/** Making elements: HTML's, and the Spectrum widgets that UXP brings along (`sp-*`). */

type Attributes = Record<string, string | boolean>;

/** A Spectrum widget: what is used of them all. */
export interface Widget extends HTMLElement {
  value: string;
  checked: boolean;
  disabled: boolean;
  selectedIndex: number;
}

/** Return a new element; attributes that are `true` have no value, `false` ones are left out. */
export function element(
  name: string,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): Widget {
  const made = document.createElement(name) as Widget;
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  for (const each of children) {
    made.appendChild(typeof each === "string" ? document.createTextNode(each) : each);
  }
  return made;
}

/** Return a button that says what it does, to screen readers, too. */
export function button(
  words: string,
  attributes: Attributes,
  press: () => void,
  kind = "sp-button",
): Widget {
  const made = element(kind, { ...attributes }, words);
  made.addEventListener("click", press);
  return made;
}

/** Show an element, or take its place away. */
export function show(made: HTMLElement, isShown: boolean): void {
  made.classList[isShown ? "remove" : "add"]("hidden");
}

/** Remove everything in an element. */
export function emptied(made: HTMLElement): HTMLElement {
  while (made.firstChild) made.removeChild(made.firstChild);
  return made;
}
