/*
 * Elements as values: a view returns what shall be there, and `show` changes the page until it is so. What stays the same
 * stays in place, so focus, caret and scrolling survive. `value` is only where an element begins: what people type is theirs.
 */

const ONCE = new Set(["value", "checked", "open"]);

/** An element that shall be there. `on...` are listeners, `style` sets properties; kids that are null or false are not. */
export function h(tag, props, ...kids) {
  const shown = kids.flat(Infinity).filter((kid) => kid != null && kid !== false && kid !== "");
  return { tag, props: props ?? {}, kids: shown.map((kid) => (typeof kid === "number" ? String(kid) : kid)) };
}

/** Have `parent` hold just these. */
export function show(parent, kids) {
  const known = new Map();
  const wanted = new Set(kids.map((kid) => kid.props?.key));
  for (const node of [...parent.childNodes]) {
    if (node.keyed == null) continue;
    // What goes must not stand where one without a key is looked for.
    if (wanted.has(node.keyed)) known.set(node.keyed, node);
    else node.remove();
  }
  let next = parent.firstChild;
  for (const kid of kids) {
    const key = kid.props?.key;
    const found = key == null ? next : known.get(key);
    const node = found && fits(found, kid) ? found : made(kid);
    if (node === next) next = next.nextSibling;
    else parent.insertBefore(node, next);
    if (typeof kid !== "string") update(node, kid);
    else if (node.data !== kid) node.data = kid;
  }
  while (next) {
    const gone = next;
    next = next.nextSibling;
    gone.remove();
  }
}

function fits(node, kid) {
  if (typeof kid === "string") return node.nodeType === Node.TEXT_NODE;
  return node.localName === kid.tag && node.keyed === kid.props.key;
}

function made(kid) {
  if (typeof kid === "string") return document.createTextNode(kid);
  const node = document.createElement(kid.tag);
  node.keyed = kid.props.key;
  node.listeners = {};
  node.known = {};
  return node;
}

function update(node, { props, kids }) {
  const before = node.known;
  node.known = props;
  // Kids first: a select can only have the value of an option that is there.
  show(node, kids);
  for (const name of Object.keys(before)) if (!(name in props)) set(node, name, null);
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) listen(node, name.slice(2), value);
    else if (name === "style") for (const [key, to] of Object.entries(value)) node.style.setProperty(key, to);
    else if (ONCE.has(name) ? !(name in before) : value !== before[name]) set(node, name, value);
  }
}

function listen(node, type, act) {
  if (!(type in node.listeners)) node.addEventListener(type, (event) => node.listeners[type]?.(event));
  node.listeners[type] = act;
}

function set(node, name, value) {
  if (name === "key") return;
  if (name.startsWith("on")) node.listeners[name.slice(2)] = null;
  else if (ONCE.has(name) || name === "disabled") node[name] = value ?? false;
  else if (value == null || value === false) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : value);
}
