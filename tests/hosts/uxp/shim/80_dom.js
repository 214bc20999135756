// What UXP's DOM lacks: elements, attributes, events and canvas calls that do nothing there.

const ELEMENTS = new Set([
  ...["a", "body", "button", "canvas", "dialog", "div", "footer", "form", "h1", "h2", "h3", "h4"],
  ...["header", "hr", "img", "input", "label", "li", "link", "main", "nav", "option", "p"],
  ...["progress", "script", "section", "select", "span", "style", "textarea", "ul", "video"],
  ...SPECTRUM,
]);
const DEAF = /^(keypress|drag|drop|transition|animation|touch|paste|beforeinput)/;

function guardDom() {
  const create = Document.prototype.createElement;
  Document.prototype.createElement = function (name, ...more) {
    if (!ELEMENTS.has(String(name).toLowerCase())) refuse(`UXP has no element <${name}>`);
    return create.call(this, name, ...more);
  };
  const set = Element.prototype.setAttribute;
  Element.prototype.setAttribute = function (name, value) {
    const tag = this.tagName.toLowerCase();
    if (tag === "label" && name === "for") refuse("UXP ignores <label for>");
    if (tag === "input" && name === "type" && value === "file") refuse("UXP has no file input");
    if (name === "draggable") refuse("UXP has no drag and drop");
    return set.call(this, name, value);
  };
  const listen = EventTarget.prototype.addEventListener;
  EventTarget.prototype.addEventListener = function (kind, ...more) {
    if (this instanceof Element && DEAF.test(kind)) refuse(`UXP has no event ${kind}`);
    return listen.call(this, kind, ...more);
  };
  HTMLCanvasElement.prototype.getContext = () => refuse("UXP's canvas draws shapes only");
}
