// The form of a new job: columns from the header of the chosen file, parameters from the JSON Schema of the chosen pair.
import { call, clearFailure, element, showFailure } from "/static/shared/api.js";
import { decodeHead, parseHeader } from "./header.js";

const HEADER_BYTES = 1 << 16;
const ROLES = [
  ["", "automatic"],
  ["predictor", "predictor"],
  ["categorical", "predictor, codes or words"],
  ["ignored", "ignored"],
  ["continuous", "target, continuous"],
  ["binary", "target, binary"],
];

const form = document.getElementById("new-job");
const pairs = form ? await call("GET", "/api/pairs") : [];
let names = [];

function field(label, input, hint) {
  const caption = element("label", { textContent: label, htmlFor: input.id });
  if (hint) caption.append(element("span", { className: "hint", textContent: hint }));
  const paragraph = element("p");
  paragraph.append(caption, input);
  return paragraph;
}

function showColumns() {
  const table = element("table", { className: "fold" });
  table.innerHTML = "<thead><tr><th>Column</th><th>Role</th><th>Levels of a binary target</th></tr></thead><tbody></tbody>";
  names.forEach((name, index) => {
    const row = table.tBodies[0].insertRow();
    const head = element("th", { scope: "row", textContent: `${index + 1}. ${name}` });
    const select = element("select", { id: `role-${index}` });
    select.setAttribute("aria-label", `Role of ${name}`);
    for (const [value, text] of ROLES) select.append(element("option", { value, textContent: text }));
    const levels = ["0", "1"].map((level) => {
      const input = element("input", { id: `level-${index}-${level}`, placeholder: `value read as ${level}` });
      input.setAttribute("aria-label", `Value of ${name} read as ${level}; empty: found in the data`);
      return input;
    });
    const pair = element("div", { className: "levels", hidden: true });
    pair.append(...levels);
    select.addEventListener("change", () => { pair.hidden = select.value !== "binary"; });
    const [roleCell, levelCell] = [element("td"), element("td")];
    roleCell.dataset.label = "Role";
    levelCell.dataset.label = "Levels";
    roleCell.append(select);
    levelCell.append(pair);
    row.append(head, roleCell, levelCell);
  });
  const note = element("p", { className: "faint", textContent: "Automatic: a predictor if every value is a number, or if no cell is missing and there are at most 25 different texts. " +
    "Numbers of rows or people and dates are left out. The upload says what each column is taken for." });
  document.getElementById("columns").replaceChildren(note, table);
  document.getElementById("column-names").replaceChildren(...names.map((name) => element("option", { value: name })));
}

function showParameters() {
  const pair = pairs.find((candidate) => candidate.digest === form.pair.value);
  const box = document.getElementById("parameters");
  const inputs = Object.entries(pair?.parameters.properties ?? {}).map(([name, schema]) => {
    const id = `parameter-${name}`;
    if (schema.enum) {
      const select = element("select", { id });
      for (const value of schema.enum) select.append(element("option", { value: JSON.stringify(value), textContent: String(value) }));
      select.value = JSON.stringify(schema.default);
      return field(schema.title, select, schema.description);
    }
    if (schema.type === "boolean") {
      const input = element("input", { id, type: "checkbox", checked: schema.default });
      const label = element("label", { className: "check" });
      label.append(input, element("span", { textContent: schema.title }));
      const paragraph = element("p");
      paragraph.append(label);
      if (schema.description) paragraph.append(element("span", { className: "hint", textContent: schema.description }));
      return paragraph;
    }
    const isNumber = schema.type === "number" || schema.type === "integer";
    const input = element("input", { id, type: isNumber ? "number" : "text", value: schema.default ?? "" });
    if (isNumber) Object.assign(input, { min: schema.minimum ?? "", max: schema.maximum ?? "", step: schema.type === "integer" ? 1 : "any" });
    if (schema.column) {
      input.required = true;
      input.setAttribute("list", "column-names");
    }
    return field(schema.unit ? `${schema.title} (${schema.unit})` : schema.title, input, schema.description);
  });
  box.querySelector(".row").replaceChildren(...inputs);
  box.hidden = inputs.length === 0;
}

function parameters() {
  const pair = pairs.find((candidate) => candidate.digest === form.pair.value);
  return Object.fromEntries(Object.entries(pair.parameters.properties).map(([name, schema]) => {
    const input = document.getElementById(`parameter-${name}`);
    if (schema.enum) return [name, JSON.parse(input.value)];
    if (schema.type === "boolean") return [name, input.checked];
    return [name, schema.type === "number" || schema.type === "integer" ? Number(input.value) : input.value];
  }));
}

function specification() {
  const spec = { targets: [], columns: {}, parameters: parameters() };
  names.forEach((name, index) => {
    const role = document.getElementById(`role-${index}`).value;
    if (role === "predictor" || role === "ignored") {
      spec.columns[name] = role;
    } else if (role === "categorical") {
      spec.columns[name] = { type: role };
    } else if (role) {
      const target = { column: name, type: role };
      const levels = [0, 1].map((level) => document.getElementById(`level-${index}-${level}`).value);
      if (role === "binary" && levels.every((level) => level !== "")) target.levels = levels;
      spec.targets.push(target);
    }
  });
  spec.imputations = Number(form.imputations.value);
  spec.iteration_before_first_imputation = Number(form.before.value);
  spec.iteration_between_imputations = Number(form.between.value);
  if (form.seed.value !== "") spec.seed = Number(form.seed.value);
  spec.missing = form.missing.value.split(",").map((token) => token.trim()).filter((token) => token !== "");
  if (form.decimal.value !== "") spec.decimal = form.decimal.value;
  return spec;
}

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  clearFailure();
  const participants = [...form.querySelectorAll("input[name=participants]:checked")].map((input) => input.value);
  try {
    const job = await call("POST", "/api/jobs", { name: form.elements.name.value, pair: form.pair.value, participants, spec: specification() });
    location.assign(`/jobs/${job.id}`);
  } catch (error) {
    showFailure(error);
  }
});

async function readHeader() {
  const file = document.getElementById("file").files[0];
  if (!file) return;
  clearFailure();
  try {
    names = parseHeader(decodeHead(new Uint8Array(await file.slice(0, HEADER_BYTES).arrayBuffer())));
    showColumns();
  } catch (error) {
    showFailure(error);
  }
}

if (form) {
  form.pair.addEventListener("change", showParameters);
  showParameters();
  document.getElementById("file").addEventListener("change", readHeader);
  await readHeader(); // a file may be chosen before this script runs
  form.querySelector("button[type=submit]").disabled = false;
}
