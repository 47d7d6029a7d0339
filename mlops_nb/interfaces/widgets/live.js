// The view of LiveCard. `html` is made by Python from escaped values; everything else is set as text.

// Replace only the parts that differ, and leave open what was open.
function drawer(place) {
  let card = null;
  let parts = [];
  return (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    const fresh = template.content.firstElementChild;
    const next = [...fresh.children].map((part) => part.outerHTML);
    if (card === null || next.length !== parts.length) {
      place.replaceChildren(fresh);
      card = fresh;
    } else {
      const arriving = [...fresh.children];
      next.forEach((html, i) => {
        if (html !== parts[i]) swap(card.children[i], arriving[i]);
      });
    }
    parts = next;
  };
}

function swap(old, fresh) {
  const before = [...old.querySelectorAll("details")];
  const after = [...fresh.querySelectorAll("details")];
  const focused = before.findIndex((fold) => fold.contains(document.activeElement));
  before.forEach((fold, i) => after[i] && (after[i].open = fold.open));
  old.replaceWith(fresh);
  after[focused]?.querySelector("summary").focus({ preventScroll: true });
}

function tick(place) {
  for (const clock of place.querySelectorAll("[data-since]")) {
    const seconds = Math.max(0, Date.now() / 1000 - Number(clock.dataset.since));
    clock.textContent = `${seconds.toFixed(0)} s`;
  }
}

function controls(model, place, note) {
  let late = null;

  const offer = (focus) => {
    const buttons = model.get("controls").map((control) =>
      element("button", { type: "button", textContent: control.label, onclick: () => confirm(control) }),
    );
    place.replaceChildren(...buttons);
    if (focus) buttons[0]?.focus();
  };
  const confirm = (control) => {
    const question = element("span", { textContent: `${control.question} ` });
    const yes = element("button", { type: "button", className: "yes", textContent: control.yes, onclick: () => send(control) });
    const no = element("button", { type: "button", textContent: "No", onclick: () => offer(true) });
    const group = element("span", { onkeydown: (event) => event.key === "Escape" && offer(true) }, [question, yes, no]);
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", control.question);
    note.textContent = "";
    place.replaceChildren(group);
    no.focus();
  };
  const send = (control) => {
    place.replaceChildren();
    note.textContent = "asked \u2026";
    model.send({ verb: control.verb });
    late = setTimeout(() => {
      note.textContent = `The kernel does not answer: it hears of this when its cell is done. At once, in a terminal: ${control.typed}`;
    }, 3000);
  };
  const say = () => {
    clearTimeout(late);
    note.textContent = model.get("note");
  };
  model.on("change:note", say);
  const changed = () => offer(false);
  model.on("change:controls", changed);
  offer(false);
  return () => {
    clearTimeout(late);
    model.off("change:note", say);
    model.off("change:controls", changed);
  };
}

function render({ model, el }) {
  const card = element("div");
  const bar = element("div", { className: "controls" });
  const request = element("div");
  const note = element("div", { className: "note" });
  note.setAttribute("role", "status");
  const live = element("div", { className: "mlops-live" }, [card, bar]);
  el.replaceChildren(element("style", { textContent: STYLE }), element("div", { className: "mlops" }, [note, live, request]));
  const draw = drawer(card);
  const update = () => {
    draw(model.get("html"));
    tick(card);
  };
  update();
  model.on("change:html", update);
  const clock = setInterval(() => tick(card), 1000);
  const closed = [controls(model, bar, note), form(model, request)];
  model.send({ verb: "drawn" });
  return () => {
    clearInterval(clock);
    closed.forEach((close) => close());
    model.off("change:html", update);
  };
}

export default { render };
