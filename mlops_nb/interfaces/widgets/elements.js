// What the widget is made of: its look, and elements whose values are set as text.

const STYLE = `
.mlops button {
  font: inherit; padding: 2px 12px; margin-right: 8px; border-radius: 4px; cursor: pointer;
  color: var(--jp-ui-font-color1, #222); background: var(--jp-layout-color1, #fff);
  border: 1px solid var(--jp-border-color1, #bdbdbd);
}
.mlops button:hover:not(:disabled) { background: var(--jp-layout-color2, #eee); }
.mlops button.yes { border-color: var(--jp-error-color1, #c62828); margin-left: 8px; }
.mlops button:disabled { opacity: 0.6; cursor: default; }
.mlops button:focus-visible, .mlops summary:focus-visible, .mlops-form input:focus-visible {
  outline: 2px solid var(--jp-brand-color1, #1976d2); outline-offset: 2px;
}
.mlops-live { position: relative; max-width: 900px; }
.mlops-live .controls {
  position: absolute; top: 8px; right: 10px; padding: 2px 0 2px 10px; background: var(--jp-layout-color0, #fff);
  font-family: var(--jp-ui-font-family, sans-serif); font-size: 13px; line-height: 1.5;
}
@media (max-width: 760px) { .mlops-live .controls { position: static; padding: 6px 0 0; } }
.mlops-live .controls button:last-of-type { margin-right: 0; }
.mlops-form fieldset {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(180px, 1fr)); gap: 6px 14px;
  border: 0; margin: 6px 0; padding: 0; max-height: 260px; overflow: auto;
}
.mlops-form label { display: flex; flex-direction: column; font-size: 12px; color: var(--jp-ui-font-color2, #616161); overflow-wrap: anywhere; }
.mlops-form input, .mlops-form select {
  font: inherit; font-size: 13px; padding: 2px 6px; color: var(--jp-ui-font-color1, #222);
  background: var(--jp-input-background, #fff); border: 1px solid var(--jp-border-color1, #bdbdbd); border-radius: 3px;
}
.mlops-form { max-width: 900px; font-family: var(--jp-ui-font-family, sans-serif); font-size: 13px; color: var(--jp-ui-font-color1, #222); }
.mlops-form summary { cursor: pointer; padding: 2px; color: var(--jp-ui-font-color2, #616161); }
.mlops-form output { margin-left: 10px; font-family: var(--jp-code-font-family, monospace); }
.mlops .note:not(:empty) { margin: 0 0 6px 2px; }
.mlops .note { font-family: var(--jp-ui-font-family, sans-serif); font-size: 13px; color: var(--jp-ui-font-color2, #616161); }
`;

function element(name, properties = {}, children = []) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}
