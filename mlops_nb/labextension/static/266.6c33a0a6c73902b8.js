"use strict";(self.rspackChunkmlops_nb=self.rspackChunkmlops_nb||[]).push([[266],{"./node_modules/css-loader/dist/cjs.js!./style/index.css"(o,e,t){var r=t("./node_modules/css-loader/dist/runtime/noSourceMaps.js"),a=t.n(r),l=t("./node_modules/css-loader/dist/runtime/api.js"),s=(t.n(l))()(a());s.push([o.id,`/* Lab's own variables and measures; every class of ours begins with mlops-. */

.mlops-View,
.mlops-Output {
  font-family: var(--jp-ui-font-family);
  font-size: var(--jp-ui-font-size1);
  color: var(--jp-ui-font-color1);
  line-height: 1.45;
}

.mlops-View code,
.mlops-figure {
  font-variant-numeric: tabular-nums;
}

.mlops-View code {
  font-family: var(--jp-code-font-family);
  font-size: var(--jp-code-font-size);
  background: none;
  color: inherit;
  padding: 0;
}

.mlops-dim {
  color: var(--jp-ui-font-color2);
}

.mlops-warned {
  color: var(--jp-warn-color0);
}

.mlops-cut {
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
}

.mlops-unseen {
  position: absolute;
  width: 1px;
  height: 1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}

.mlops-selectable {
  user-select: all;
}

/* What can be pressed and typed into */

.mlops-Button,
.mlops-Input {
  font: inherit;
  color: var(--jp-ui-font-color1);
  background: var(--jp-layout-color1);
  border: 1px solid var(--jp-border-color1);
  border-radius: var(--jp-border-radius);
  min-height: 26px;
  box-sizing: border-box;
}

/* A section that is opened has room for two rows, whatever the others have taken. */
.mlops-Panel .lm-AccordionPanel > .mlops-View {
  min-height: 110px;
}

.mlops-Button {
  padding: 1px 10px;
  cursor: pointer;
  white-space: nowrap;
}

.mlops-Button:hover:not(:disabled),
.mlops-IconButton:hover:not(:disabled) {
  background: var(--jp-layout-color2);
}

.mlops-Button:disabled,
.mlops-IconButton:disabled {
  opacity: 0.5;
  cursor: default;
}

.mlops-Button.mlops-mod-accept {
  color: white;
  background: var(--md-blue-700, #1976d2);
  border-color: var(--md-blue-700, #1976d2);
}

.mlops-Button.mlops-mod-accept:hover:not(:disabled) {
  background: var(--md-blue-900, #0d47a1);
}

.mlops-Button.mlops-mod-warn {
  border-color: var(--jp-error-color1);
}

.mlops-Input {
  padding: 2px 6px;
  min-width: 0;
}

.mlops-Input::placeholder {
  color: var(--jp-ui-font-color2);
  opacity: 1;
}

.mlops-Input[aria-invalid='true'] {
  border-color: var(--jp-error-color1);
}

.mlops-Input.mlops-mod-short {
  width: 58px;
}

.mlops-Input.mlops-mod-code {
  font-family: var(--jp-code-font-family);
  font-size: var(--jp-code-font-size);
  width: 100%;
  grid-column: 1 / -1;
  padding: 6px 8px;
}

.mlops-IconButton {
  display: inline-flex;
  align-items: center;
  justify-content: center;
  width: 24px;
  height: 24px;
  padding: 0;
  border: none;
  border-radius: var(--jp-border-radius);
  background: none;
  cursor: pointer;
}

/* Some of Lab's icons say a size of their own. */
.mlops-View .mlops-Icon,
.mlops-View .mlops-Icon svg {
  display: block;
  width: 16px;
  height: 16px;
}

.mlops-View :is(button, select, input, textarea, summary, [tabindex='0']):focus-visible,
.mlops-StatusItem:focus-visible {
  outline: 2px solid var(--jp-brand-color1);
  outline-offset: -1px;
}

/* States: told by mark and word beside the colour */

.mlops-State {
  font-weight: 600;
  white-space: nowrap;
  color: var(--jp-ui-font-color2);
}

.mlops-State[data-state='RUNNING'],
.mlops-State[data-state='STARTING'],
.mlops-State[data-state='UPDATING'] {
  color: var(--jp-brand-color1);
}

.mlops-State[data-state='SUCCEEDED'],
.mlops-State[data-state='READY'] {
  color: var(--mlops-good);
}

.mlops-State[data-state='FAILED'],
.mlops-State[data-state='LOST'] {
  color: var(--mlops-bad);
}

.mlops-State[data-state='CANCELED'],
.mlops-State[data-state='DEGRADED'],
.mlops-warned {
  color: var(--mlops-warning);
}

/* Lab's own are below 4.5:1 on a white ground. */
body {
  --mlops-good: var(--md-green-800, #2e7d32);
  --mlops-bad: var(--md-red-700, #d32f2f);
  --mlops-warning: #a15c00;
}

body[data-jp-theme-light='false'] {
  --mlops-good: var(--md-green-300, #81c784);
  --mlops-bad: var(--md-red-300, #e57373);
  --mlops-warning: var(--md-orange-300, #ffb74d);
}

/* The panel at the left */

.mlops-Panel {
  min-width: 260px;
}

.mlops-TrainButton .jp-ToolbarButtonComponent-label {
  padding-left: 4px;
}

.mlops-Panel .mlops-View {
  overflow: auto;
  background: var(--jp-layout-color1);
}

.mlops-Panel .jp-SidePanel-header .mlops-View {
  overflow: hidden;
}

.mlops-Project {
  margin: 0;
  padding: 8px 12px;
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
}

.mlops-Empty {
  margin: 0;
  padding: 12px;
  color: var(--jp-ui-font-color2);
}

.mlops-Runs {
  display: flex;
  flex-direction: column;
  height: 100%;
  min-height: 140px;
}

.mlops-Filter {
  display: flex;
  flex-direction: column;
  gap: 6px;
  padding: 8px 12px;
  border-bottom: 1px solid var(--jp-border-color2);
}

.mlops-Filter-row {
  display: flex;
  gap: 6px;
  align-items: center;
  justify-content: space-between;
}

.mlops-Filter-row > select {
  flex: 1 1 0;
}

.mlops-Rows {
  flex: 1 1 0;
  overflow-y: auto;
  min-height: 0;
  contain: strict;
}

.mlops-Rows-all,
.mlops-List {
  position: relative;
  list-style: none;
  margin: 0;
  padding: 0;
}

.mlops-Rows-all > li {
  position: absolute;
  left: 0;
  right: 0;
}

.mlops-Row {
  position: relative;
  display: flex;
  align-items: center;
  gap: 4px;
  height: 50px;
  box-sizing: border-box;
  padding: 0 6px 0 10px;
  border-bottom: 1px solid var(--jp-border-color3);
}

.mlops-List .mlops-List .mlops-Row {
  height: 34px;
}

.mlops-Row:hover,
.mlops-Row:focus-within {
  background: var(--jp-layout-color2);
}

.mlops-Row[data-selected='true'] {
  background: var(--jp-layout-color2);
  box-shadow: inset 3px 0 0 var(--jp-brand-color1);
}

.mlops-Row-main {
  flex: 1 1 0;
  min-width: 0;
  height: 100%;
  padding: 0 4px;
  border: none;
  background: none;
  font: inherit;
  color: inherit;
  text-align: left;
  cursor: pointer;
}

.mlops-Row-main:disabled {
  cursor: default;
}

.mlops-Row-line {
  display: flex;
  gap: 6px;
  align-items: baseline;
}

.mlops-Row-name {
  flex: 1 1 0;
  min-width: 0;
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
}

.mlops-Row-line.mlops-dim {
  font-size: var(--jp-ui-font-size0, 11px);
}

.mlops-Row-end {
  font-size: var(--jp-ui-font-size0, 11px);
  white-space: nowrap;
}

.mlops-Row-actions {
  position: absolute;
  top: 0;
  bottom: 0;
  right: 4px;
  display: flex;
  align-items: center;
  padding-left: 6px;
  background: var(--jp-layout-color2);
  opacity: 0;
  pointer-events: none;
}

.mlops-Row:hover .mlops-Row-actions,
.mlops-Row:focus-within .mlops-Row-actions {
  opacity: 1;
  pointer-events: auto;
}

.mlops-Row-progress {
  position: absolute;
  left: 0;
  bottom: 0;
  height: 2px;
  background: var(--jp-brand-color1);
}

.mlops-Tag {
  display: inline-block;
  padding: 0 6px;
  margin-left: 4px;
  border: 1px solid var(--jp-border-color1);
  border-radius: 9px;
  font-size: var(--jp-ui-font-size0, 11px);
  color: var(--jp-ui-font-color1);
}

.mlops-Section-head {
  display: flex;
  flex-wrap: wrap;
  gap: 6px 10px;
  align-items: center;
  justify-content: space-between;
  padding: 8px 12px;
}

.mlops-Section summary {
  padding: 6px 12px;
  cursor: pointer;
}

/* Pages in the main area */

.mlops-Page {
  height: 100%;
  overflow: auto;
  padding: 20px 28px 40px;
  box-sizing: border-box;
  max-width: 1200px;
}

.jp-MainAreaWidget > .mlops-View {
  background: var(--jp-layout-color1);
  overflow: auto;
}

.mlops-Page h2 {
  margin: 24px 0 8px;
  font-size: var(--jp-ui-font-size2);
  font-weight: 600;
}

.mlops-Head {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: 6px 12px;
}

.mlops-Head-title {
  margin: 0;
  font-size: var(--jp-ui-font-size2);
  font-weight: 600;
}

.mlops-Page .mlops-Head-title {
  font-size: var(--jp-ui-font-size3);
}

.mlops-Head-actions,
.mlops-Actions {
  display: flex;
  flex-wrap: wrap;
  gap: 6px;
  align-items: center;
}

.mlops-Head-actions {
  margin-left: auto;
}

.mlops-Stages {
  display: flex;
  flex-wrap: wrap;
  list-style: none;
  margin: 14px 0 10px;
  padding: 0;
  row-gap: 8px;
}

.mlops-Stage {
  display: flex;
  align-items: center;
}

.mlops-Stage:not(:last-child)::after {
  content: '';
  width: 22px;
  height: 0;
  border-top: 2px solid var(--jp-border-color1);
}

.mlops-Stage[data-state='SUCCEEDED']:not(:last-child)::after {
  border-color: var(--mlops-good);
}

.mlops-Stage-box {
  display: flex;
  gap: 6px;
  padding: 3px 12px;
  border: 1px solid var(--jp-border-color1);
  border-radius: 14px;
  white-space: nowrap;
}

.mlops-Stage[data-state='SUCCEEDED'] .mlops-Stage-box {
  border-color: var(--mlops-good);
}

.mlops-Stage[data-state='RUNNING'] .mlops-Stage-box {
  border-color: var(--jp-brand-color1);
  font-weight: 600;
}

.mlops-Stage[data-state='FAILED'] .mlops-Stage-box,
.mlops-Stage[data-state='LOST'] .mlops-Stage-box {
  border-color: var(--mlops-bad);
}

.mlops-Stage:is([data-state='PENDING'], [data-state='SKIPPED']) .mlops-Stage-box {
  border-style: dashed;
}

.mlops-Progress-bar {
  height: 4px;
  max-width: 480px;
  border-radius: 2px;
  background: var(--jp-layout-color3);
}

.mlops-Progress-bar > div {
  height: 4px;
  border-radius: 2px;
  background: var(--jp-brand-color1);
  transition: width 0.2s;
}

.mlops-Problem {
  margin: 8px 0;
  padding: 4px 12px;
  border-left: 3px solid var(--mlops-bad);
  background: var(--jp-layout-color2);
}

.mlops-Panel .mlops-Problem {
  margin: 8px 12px;
}

.mlops-Problem-message {
  white-space: pre-wrap;
  overflow-wrap: anywhere;
}

.mlops-Tabs {
  display: flex;
  gap: 2px;
  margin-top: 14px;
  border-bottom: 1px solid var(--jp-border-color2);
  overflow-x: auto;
}

.mlops-Tabs > button {
  padding: 6px 14px;
  border: none;
  border-bottom: 2px solid transparent;
  background: none;
  font: inherit;
  color: var(--jp-ui-font-color2);
  cursor: pointer;
}

.mlops-Tabs > button:hover {
  background: var(--jp-layout-color2);
}

.mlops-Tabs > button[aria-selected='true'] {
  color: var(--jp-ui-font-color1);
  border-bottom-color: var(--jp-brand-color1);
}

.mlops-Tabs-panel {
  padding: 14px 0;
}

.mlops-Charts {
  display: grid;
  grid-template-columns: repeat(auto-fill, minmax(240px, 1fr));
  gap: 14px 20px;
}

.mlops-Chart {
  margin: 0;
  max-width: 420px;
}

.mlops-Chart svg {
  display: block;
  width: 100%;
  height: auto;
}

.mlops-Chart-grid {
  stroke: var(--jp-border-color3);
}

.mlops-Chart-axis {
  stroke: var(--jp-border-color1);
}

.mlops-Chart-text {
  fill: var(--jp-ui-font-color2);
  font-size: 10px;
  font-variant-numeric: tabular-nums;
}

.mlops-Chart-line {
  fill: none;
  stroke: var(--mlops-line);
  stroke-width: 1.6;
  stroke-linejoin: round;
}

.mlops-Chart-dot {
  fill: var(--mlops-line);
}

/* Apart from each other for colour-blind eyes, and from white and black by at least 3:1. */
[data-place='0'] {
  --mlops-line: var(--jp-brand-color1);
}
[data-place='1'] {
  --mlops-line: #d55e00;
}
[data-place='2'] {
  --mlops-line: #009e73;
}
[data-place='3'] {
  --mlops-line: #b4679b;
}
[data-place='4'] {
  --mlops-line: #8a7a00;
}
[data-place='5'] {
  --mlops-line: #7a7a7a;
}

/* Lab makes lists in outputs blocks. */
.mlops-View .mlops-Tiles {
  display: flex;
  flex-wrap: wrap;
  gap: 12px 28px;
  margin: 14px 0;
}

/* Lab floats the terms of lists in outputs. */
.mlops-View :is(.mlops-Tiles, .mlops-Facts) :is(dt, dd) {
  float: none;
  width: auto;
  margin: 0;
  padding: 0;
  font-weight: normal;
}

.mlops-Tiles dt {
  color: var(--jp-ui-font-color2);
}

.mlops-Tiles dd {
  font-size: 18px;
  font-variant-numeric: tabular-nums;
}

.mlops-View .mlops-Facts {
  display: grid;
  grid-template-columns: max-content 1fr;
  gap: 4px 20px;
  margin: 8px 0;
}

.mlops-Facts dt {
  color: var(--jp-ui-font-color2);
}

.mlops-Facts dd {
  overflow-wrap: anywhere;
}

.mlops-Scroll {
  overflow-x: auto;
  margin: 8px 0;
}

.mlops-View .mlops-Table {
  border-collapse: collapse;
  font-size: inherit;
  table-layout: auto;
}

.mlops-View .mlops-Table :is(th, td) {
  text-align: left;
  vertical-align: middle;
  padding: 5px 24px 5px 0;
  border: none;
  border-bottom: 1px solid var(--jp-border-color3);
  font-weight: normal;
  max-width: 420px;
  overflow-wrap: anywhere;
}

.mlops-View .mlops-Table thead th {
  color: var(--jp-ui-font-color2);
  white-space: nowrap;
  border-bottom-color: var(--jp-border-color1);
}

.mlops-View .mlops-Table tbody th[scope='row'] {
  white-space: nowrap;
  overflow: hidden;
  text-overflow: ellipsis;
}

.mlops-View .mlops-Table tr {
  background: none;
}

.mlops-View .mlops-Table .mlops-Table-group {
  padding-top: 14px;
  font-weight: 600;
}

.mlops-View .mlops-Table tr[data-differs='true'] :is(td) {
  font-weight: 600;
}

.mlops-Share {
  display: inline-flex;
  gap: 8px;
  align-items: center;
}

.mlops-Share-bar {
  display: inline-block;
  width: 72px;
  height: 6px;
  border-radius: 3px;
  background: var(--jp-layout-color3);
  overflow: hidden;
}

.mlops-Share-bar > span {
  display: block;
  height: 100%;
  background: var(--jp-brand-color1);
}

.mlops-View .mlops-Log {
  max-height: 280px;
  overflow: auto;
  margin: 6px 0;
  padding: 8px 12px;
  border: 1px solid var(--jp-border-color2);
  background: var(--jp-layout-color0);
  font-family: var(--jp-code-font-family);
  font-size: var(--jp-code-font-size);
  line-height: 1.4;
  white-space: pre-wrap;
  overflow-wrap: anywhere;
  color: var(--jp-ui-font-color1);
}

.mlops-View .mlops-Log.mlops-mod-tall {
  max-height: 60vh;
}

.mlops-View details > summary {
  cursor: pointer;
  color: var(--jp-ui-font-color2);
}

.mlops-Card {
  max-width: 900px;
  padding: 12px 16px;
  border: 1px solid var(--jp-border-color2);
  border-radius: 6px;
  background: var(--jp-layout-color1);
}

.mlops-Output {
  padding: 4px 0;
}

/* Findings and forms */

.mlops-Findings {
  list-style: none;
  margin: 0 0 8px;
  padding: 0;
}

.mlops-Finding {
  display: grid;
  grid-template-columns: 62px 1fr auto;
  align-items: start;
  gap: 8px;
  padding: 5px 0;
  overflow-wrap: anywhere;
}

.mlops-Finding-severity {
  font-weight: 600;
  color: var(--jp-ui-font-color2);
}

.mlops-Finding[data-severity='error'] .mlops-Finding-severity {
  color: var(--mlops-bad);
}

.mlops-Finding[data-severity='warning'] .mlops-Finding-severity {
  color: var(--mlops-warning);
}

.mlops-TrainDialog .jp-Dialog-content {
  max-width: 760px;
  width: min(760px, 92vw);
}

.mlops-Train {
  font-size: var(--jp-ui-font-size1);
  max-height: 66vh;
  overflow: auto;
  padding-right: 6px;
}

.mlops-Train fieldset {
  margin: 14px 0 0;
  padding: 0;
  border: none;
  min-width: 0;
}

.mlops-Train legend {
  padding: 0 0 6px;
  font-weight: 600;
}

.mlops-Form-grid {
  display: grid;
  grid-template-columns: repeat(auto-fill, minmax(190px, 1fr));
  gap: 10px 14px;
}

.mlops-Form-part {
  margin-top: 14px;
}

.mlops-Form-part > summary {
  font-weight: 600;
  padding-bottom: 6px;
}

.mlops-Field.mlops-mod-wide {
  grid-column: 1 / -1;
}

.mlops-Field.mlops-mod-flag {
  flex-direction: row;
  align-items: center;
  align-self: end;
  min-height: 26px;
  gap: 6px;
}

.mlops-Upcoming {
  min-height: 62px;
  margin-top: 10px;
}

.mlops-Moments {
  display: flex;
  flex-wrap: wrap;
  gap: 6px;
  list-style: none;
  margin: 4px 0 0;
  padding: 0;
}

.mlops-Moments > li {
  padding: 1px 9px;
  border: 1px solid var(--jp-border-color2);
  border-radius: 11px;
  white-space: nowrap;
}

.mlops-Report {
  display: block;
  width: 100%;
  min-height: 120px;
  border: none;
}

.mlops-Form-end {
  display: flex;
  flex-wrap: wrap;
  gap: 8px 14px;
  align-items: center;
  margin-top: 14px;
}

.mlops-Field {
  display: flex;
  flex-direction: column;
  gap: 3px;
  min-width: 0;
}

.mlops-Field-name {
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
}

.mlops-Field-wrong {
  color: var(--mlops-bad);
}

.mlops-Answer {
  font-weight: 600;
  font-variant-numeric: tabular-nums;
}

/* The word in the status bar */

.mlops-StatusItem {
  display: inline-flex;
  gap: 6px;
  align-items: center;
  height: 100%;
  padding: 0 6px;
  border: none;
  background: none;
  font: inherit;
  font-size: var(--jp-ui-font-size1);
  color: var(--jp-ui-font-color1);
  cursor: pointer;
}

.mlops-StatusItem-mark {
  width: 8px;
  height: 8px;
  border-radius: 50%;
  background: var(--mlops-good);
}

.mlops-StatusItem[data-state='dirty'] .mlops-StatusItem-mark {
  background: var(--jp-brand-color1);
}

.mlops-StatusItem[data-state='warning'] .mlops-StatusItem-mark {
  background: var(--mlops-warning);
}

.mlops-StatusItem[data-state='error'] .mlops-StatusItem-mark {
  background: var(--mlops-bad);
}
`,""]),t.d(e,{},{A:s})},"./node_modules/css-loader/dist/runtime/api.js"(o){o.exports=function(o){var e=[];return e.toString=function(){return this.map(function(e){var t="",r=void 0!==e[5];return e[4]&&(t+="@supports (".concat(e[4],") {")),e[2]&&(t+="@media ".concat(e[2]," {")),r&&(t+="@layer".concat(e[5].length>0?" ".concat(e[5]):""," {")),t+=o(e),r&&(t+="}"),e[2]&&(t+="}"),e[4]&&(t+="}"),t}).join("")},e.i=function(o,t,r,a,l){"string"==typeof o&&(o=[[null,o,void 0]]);var s={};if(r)for(var p=0;p<this.length;p++){var i=this[p][0];null!=i&&(s[i]=!0)}for(var n=0;n<o.length;n++){var d=[].concat(o[n]);r&&s[d[0]]||(void 0!==l&&(void 0===d[5]||(d[1]="@layer".concat(d[5].length>0?" ".concat(d[5]):""," {").concat(d[1],"}")),d[5]=l),t&&(d[2]&&(d[1]="@media ".concat(d[2]," {").concat(d[1],"}")),d[2]=t),a&&(d[4]?(d[1]="@supports (".concat(d[4],") {").concat(d[1],"}"),d[4]=a):d[4]="".concat(a)),e.push(d))}},e}},"./node_modules/css-loader/dist/runtime/noSourceMaps.js"(o){o.exports=function(o){return o[1]}},"./style/index.css"(o,e,t){t.r(e);var r=t("./node_modules/style-loader/dist/runtime/injectStylesIntoStyleTag.js"),a=t.n(r),l=t("./node_modules/style-loader/dist/runtime/styleDomAPI.js"),s=t.n(l),p=t("./node_modules/style-loader/dist/runtime/insertBySelector.js"),i=t.n(p),n=t("./node_modules/style-loader/dist/runtime/setAttributesWithoutAttributes.js"),d=t.n(n),m=t("./node_modules/style-loader/dist/runtime/insertStyleElement.js"),c=t.n(m),u=t("./node_modules/style-loader/dist/runtime/styleTagTransform.js"),g=t.n(u),f=t("./node_modules/css-loader/dist/cjs.js!./style/index.css"),x={};x.styleTagTransform=g(),x.setAttributes=d(),x.insert=i().bind(null,"head"),x.domAPI=s(),x.insertStyleElement=c(),a()(f.A,x);let b=f.A&&f.A.locals?f.A.locals:void 0;t.d(e,{},{default:b})},"./node_modules/style-loader/dist/runtime/injectStylesIntoStyleTag.js"(o){var e=[];function t(o){for(var t=-1,r=0;r<e.length;r++)if(e[r].identifier===o){t=r;break}return t}function r(o,r){for(var a={},l=[],s=0;s<o.length;s++){var p=o[s],i=r.base?p[0]+r.base:p[0],n=a[i]||0,d="".concat(i," ").concat(n);a[i]=n+1;var m=t(d),c={css:p[1],media:p[2],sourceMap:p[3],supports:p[4],layer:p[5]};if(-1!==m)e[m].references++,e[m].updater(c);else{var u=function(o,e){var t=e.domAPI(e);return t.update(o),function(e){e?(e.css!==o.css||e.media!==o.media||e.sourceMap!==o.sourceMap||e.supports!==o.supports||e.layer!==o.layer)&&t.update(o=e):t.remove()}}(c,r);r.byIndex=s,e.splice(s,0,{identifier:d,updater:u,references:1})}l.push(d)}return l}o.exports=function(o,a){var l=r(o=o||[],a=a||{});return function(o){o=o||[];for(var s=0;s<l.length;s++){var p=t(l[s]);e[p].references--}for(var i=r(o,a),n=0;n<l.length;n++){var d=t(l[n]);0===e[d].references&&(e[d].updater(),e.splice(d,1))}l=i}}},"./node_modules/style-loader/dist/runtime/insertBySelector.js"(o){var e={};o.exports=function(o,t){var r=function(o){if(void 0===e[o]){var t=document.querySelector(o);if(window.HTMLIFrameElement&&t instanceof window.HTMLIFrameElement)try{t=t.contentDocument.head}catch(o){t=null}e[o]=t}return e[o]}(o);if(!r)throw Error("Couldn't find a style target. This probably means that the value for the 'insert' parameter is invalid.");r.appendChild(t)}},"./node_modules/style-loader/dist/runtime/insertStyleElement.js"(o){o.exports=function(o){var e=document.createElement("style");return o.setAttributes(e,o.attributes),o.insert(e,o.options),e}},"./node_modules/style-loader/dist/runtime/setAttributesWithoutAttributes.js"(o,e,t){o.exports=function(o){var e=t.nc;e&&o.setAttribute("nonce",e)}},"./node_modules/style-loader/dist/runtime/styleDomAPI.js"(o){o.exports=function(o){if("u"<typeof document)return{update:function(){},remove:function(){}};var e=o.insertStyleElement(o);return{update:function(t){var r,a,l;r="",t.supports&&(r+="@supports (".concat(t.supports,") {")),t.media&&(r+="@media ".concat(t.media," {")),(a=void 0!==t.layer)&&(r+="@layer".concat(t.layer.length>0?" ".concat(t.layer):""," {")),r+=t.css,a&&(r+="}"),t.media&&(r+="}"),t.supports&&(r+="}"),(l=t.sourceMap)&&"u">typeof btoa&&(r+="\n/*# sourceMappingURL=data:application/json;base64,".concat(btoa(unescape(encodeURIComponent(JSON.stringify(l))))," */")),o.styleTagTransform(r,e,o.options)},remove:function(){var o;null===(o=e).parentNode||o.parentNode.removeChild(o)}}}},"./node_modules/style-loader/dist/runtime/styleTagTransform.js"(o){o.exports=function(o,e){if(e.styleSheet)e.styleSheet.cssText=o;else{for(;e.firstChild;)e.removeChild(e.firstChild);e.appendChild(document.createTextNode(o))}}}}]);