/* Fields of forms: each with its label, a hint, and in words what is wrong with it. */

import { app } from "./app.js";
import { h } from "./dom.js";

/** A field with a control, which says what it is called in `name`. */
export function field(label, control, { hint = null, children = null } = {}) {
  const { name } = control.props;
  const wrong = app.wrong?.name === name ? app.wrong.text : null;
  const told = [hint && `${name}-hint`, wrong && `${name}-wrong`].filter(Boolean).join(" ");
  Object.assign(control.props, { id: `field-${name}`, "aria-describedby": told || null, "aria-invalid": wrong ? "true" : null });
  return h("div", { key: name, class: "field" },
    h("label", { for: `field-${name}` }, label),
    control,
    hint && h("p", { key: "hint", id: `${name}-hint`, class: "hint" }, hint),
    wrong && h("p", { key: "wrong", id: `${name}-wrong`, class: "wrong", role: "alert" }, wrong),
    children);
}

/** Say what is wrong with a field, and go there. */
export function refuse(form, name, text) {
  app.wrong = { name, text };
  app.draw();
  requestAnimationFrame(() => {
    const control = form.elements[name];
    control?.closest("details")?.setAttribute("open", "");
    control?.focus();
  });
}
