// A request to try: a field for each column of the model, and the answer beside the button.

const NUMBERS = new Set(["double", "float", "long", "integer"]);

function field({ name, type, required, value }) {
  const input = element("input", { type: "text", value, required, name });
  if (NUMBERS.has(type)) input.inputMode = "decimal";
  input.setAttribute("autocomplete", "off");
  const label = element("span", { textContent: required ? name : `${name} (may be empty)`, title: type });
  return element("label", {}, [label, input]);
}

function form(model, place) {
  const answer = element("output");
  answer.setAttribute("role", "status");
  let fields = "";

  const send = (event) => {
    event.preventDefault();
    const values = {};
    for (const input of place.querySelectorAll("input")) values[input.name] = input.value;
    answer.textContent = "asked \u2026";
    model.send({ verb: "fill", values });
  };
  const draw = () => {
    const wanted = model.get("form");
    // What was typed stays while the model takes the same columns.
    if (JSON.stringify(wanted) === fields) return;
    fields = JSON.stringify(wanted);
    if (!wanted.length) return place.replaceChildren();
    const button = element("button", { type: "submit", textContent: "Predict" });
    const body = element("form", { className: "mlops-form", onsubmit: send, noValidate: true }, [
      element("fieldset", {}, wanted.map(field)),
      button,
      answer,
    ]);
    const fold = element("details", { className: "mlops-form" }, [element("summary", { textContent: "try a prediction" }), body]);
    place.replaceChildren(fold);
  };
  const told = (message) => {
    if (typeof message?.answer === "string") answer.textContent = message.answer;
  };
  model.on("change:form", draw);
  model.on("msg:custom", told);
  draw();
  return () => {
    model.off("change:form", draw);
    model.off("msg:custom", told);
  };
}
