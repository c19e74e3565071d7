"use strict";
// Tables that sort and filter in place. Only the rows in view are in the document, so that 20,000 rows stay quick.

const ROW_HEIGHT = 32;
const ALL_AT_ONCE = 300; // up to here every row is in the document: find-in-page and printing see them
const PRINTED = 1000;
const MINUS = "\u2212";

function formatNumber(value) {
  if (value === "" || typeof value === "string") return value;
  if (value < 0) return MINUS + formatNumber(-value);
  const size = value;
  if (value === 0) return "0";
  if (size >= 1e15 || size < 1e-4) return value.toExponential(2);
  if (size < 1e-3) return String(Number(value.toPrecision(3)));
  if (Number.isInteger(value) && size >= 2) return value.toLocaleString("en-US");
  if (size >= 1000) return value.toLocaleString("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  return value.toFixed(4);
}

function formatChange(value) {
  if (typeof value === "string" || value === 0) return String(value);
  return (value > 0 ? "+" : MINUS) + formatNumber(Math.abs(value));
}

function judgement(value, better) {
  if (!better || typeof value !== "number" || Math.abs(value) < 1e-12) return "";
  return (value > 0) === (better === "higher") ? "better" : "worse";
}

function sortable(column, row) {
  if (column.kind === "choice") return column.codes[row];
  const value = column.values[row];
  if (value === "∞") return Infinity;
  if (value === "−∞") return -Infinity;
  return value === "" || value === null || value === undefined ? null : value;
}

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

class DataTable {
  constructor(root, columns) {
    this.root = root;
    this.columns = columns;
    this.rows = columns.length ? (columns[0].values || columns[0].codes).length : 0;
    this.texts = columns.filter((column) => column.kind === "text" || column.kind === "sentence");
    this.haystack = null;
    this.order = Array.from({ length: this.rows }, (_, row) => row);
    this.visible = this.order;
    this.sorted = null;
    this.collator = new Intl.Collator("en", { numeric: true });
    this.build();
    this.filter();
    addEventListener("beforeprint", () => this.render(true));
    addEventListener("afterprint", () => this.render());
  }

  build() {
    const title = document.getElementById(this.root.dataset.title);
    this.controls = element("div", { class: "controls" });
    this.count = element("span", { class: "count", role: "status" });
    this.search = element("input", { type: "search", placeholder: "part of a name" });
    this.controls.append(element("label", {}, "Find", this.search));
    this.choices = this.columns.filter((column) => column.kind === "choice" && column.words.length > 1);
    for (const column of this.choices) {
      column.select = element("select", {}, element("option", { value: "" }, "any"));
      column.words.forEach((word, code) => column.select.append(element("option", { value: code }, word)));
      this.controls.append(element("label", {}, column.label, column.select));
      column.select.addEventListener("change", () => this.filter());
    }
    this.sizes = this.columns.find((column) => column.kind === "count");
    this.smallest = element("input", { type: "number", min: "0", step: "any", value: "0" });
    this.controls.append(element("label", {}, "At least", this.smallest, "examples"), this.count);
    for (const input of [this.search, this.smallest]) input.addEventListener("input", () => this.filter());
    this.body = element("tbody");
    this.table = element("table", { "aria-labelledby": title.id }, this.widths(), this.head(), this.body);
    this.scroller = element("div", { class: "scroller", tabindex: "0", role: "region", "aria-labelledby": title.id }, this.table);
    this.scroller.addEventListener("scroll", () => {
      if (this.pending) return;
      this.pending = true;
      requestAnimationFrame(() => { this.pending = false; this.render(); });
    });
    this.root.append(this.controls, this.scroller);
  }

  widths() {
    const group = element("colgroup");
    let total = 0;
    for (const column of this.columns) {
      let width = column.kind === "count" ? 104 : 124;
      if (column.kind === "choice") width = 128;
      if (column.kind === "text") width = Math.min(Math.max(widest(column.values), 110), 420);
      if (column.kind === "sentence") width = Math.min(Math.max(widest(column.values), 240), 900);
      if (column.kind === "number" && !this.paired(column)) width = Math.max(width, widest([column.label]) + 16);
      const made = element("col");
      made.style.width = `${width}px`;
      total += width;
      group.append(made);
    }
    this.width = total;
    return group;
  }

  paired(column) {
    const next = this.columns[this.columns.indexOf(column) + 1];
    return column.kind === "number" && next !== undefined && next.kind === "change";
  }

  head() {
    const grouped = this.columns.some((column) => column.kind === "change");
    const top = element("tr");
    const bottom = element("tr");
    for (const column of this.columns) {
      const button = element("button", { type: "button" });
      const attributes = { scope: "col", "aria-sort": "none" };
      if (["count", "number", "change"].includes(column.kind)) attributes.class = "number";
      column.header = element("th", attributes, button);
      button.addEventListener("click", () => this.sort(column));
      if (column.kind === "change") {
        button.append("change");
        button.setAttribute("aria-label", `${column.label}, change`);
      } else if (this.paired(column)) {
        top.append(element("th", { colspan: "2", scope: "colgroup", class: "group", title: column.label }, column.label));
        button.append("value");
        button.setAttribute("aria-label", `${column.label}, value`);
        column.header.classList.add("first-of-group");
        column.first = true;
      } else {
        button.append(column.label);
        if (grouped) top.append(element("th", { class: "group-gap" }));
      }
      button.title = `Sort by ${button.getAttribute("aria-label") || column.label}`;
      bottom.append(column.header);
    }
    return grouped ? element("thead", {}, top, bottom) : element("thead", {}, bottom);
  }

  sort(column) {
    const worstIsLeast = column.better === "higher" || ["text", "sentence", "choice"].includes(column.kind);
    const first = worstIsLeast ? 1 : -1;
    const direction = this.sorted && this.sorted.column === column ? -this.sorted.direction : first;
    this.sorted = { column, direction };
    const keys = this.order.map((_, row) => sortable(column, row));
    const compare = column.kind === "text" || column.kind === "sentence"
      ? (left, right) => this.collator.compare(left, right) : (left, right) => left - right;
    this.order = Array.from({ length: this.rows }, (_, row) => row).sort((left, right) => {
      const a = keys[left];
      const b = keys[right];
      if (a === null || b === null) return (a === null) - (b === null) || left - right; // undefined values last, both ways
      return direction * compare(a, b) || left - right;
    });
    for (const other of this.columns) other.header.setAttribute("aria-sort", "none");
    column.header.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
    this.filter();
  }

  filter() {
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const smallest = Number(this.smallest.value) || 0;
    if (words.length && !this.haystack) {
      this.haystack = Array.from({ length: this.rows }, (_, row) =>
        this.texts.map((column) => column.values[row]).join("\n").toLowerCase());
    }
    this.visible = this.order.filter((row) =>
      words.every((word) => this.haystack[row].includes(word))
      && (!smallest || !this.sizes || this.sizes.values[row] >= smallest)
      && this.choices.every((column) => column.select.value === "" || column.codes[row] === Number(column.select.value)));
    const total = this.rows.toLocaleString("en-US");
    this.count.textContent = this.visible.length === this.rows ? `${total} rows`
      : `${this.visible.length.toLocaleString("en-US")} of ${total} rows`;
    this.scroller.scrollTop = 0;
    this.render();
  }

  render(printing = false) {
    const total = this.visible.length;
    let start = 0;
    let end = printing ? Math.min(total, PRINTED) : total;
    if (!printing && total > ALL_AT_ONCE) {
      start = Math.max(0, Math.floor(this.scroller.scrollTop / ROW_HEIGHT) - 20);
      end = Math.min(total, start + 80);
    }
    this.table.style.width = `${this.width}px`;
    const rows = [];
    if (start > 0) rows.push(this.spacer(start));
    for (let index = start; index < end; index += 1) rows.push(this.row(this.visible[index], index));
    if (end < total && !printing) rows.push(this.spacer(total - end));
    if (printing && end < total) rows.push(this.note(`${(total - end).toLocaleString("en-US")} more rows are not printed.`));
    if (!total) rows.push(this.note("No rows match."));
    this.table.setAttribute("aria-rowcount", String(total + 1));
    this.body.replaceChildren(...rows);
  }

  spacer(count) {
    const cell = element("td", { colspan: this.columns.length });
    cell.style.height = `${count * ROW_HEIGHT}px`;
    return element("tr", { class: "spacer", "aria-hidden": "true" }, cell);
  }

  note(text) {
    return element("tr", {}, element("td", { class: "nothing", colspan: this.columns.length }, text));
  }

  row(row, index) {
    const made = element("tr", { "aria-rowindex": index + 2 });
    let named = false;
    for (const column of this.columns) {
      const isName = column.kind === "text" && !named;
      named = named || isName;
      made.append(this.cell(column, row, isName));
    }
    return made;
  }

  cell(column, row, isName) {
    const cell = isName ? element("th", { scope: "row" }) : element("td");
    if (column.kind === "choice") {
      const word = column.words[column.codes[row]];
      cell.append(column.name === "outcome" ? element("span", { class: `tag ${word}` }, word) : word);
      return cell;
    }
    const value = column.values[row];
    if (column.kind === "text" || column.kind === "sentence") {
      cell.textContent = value;
      cell.title = value;
      return cell;
    }
    cell.className = column.first ? "number first-of-group" : "number";
    if (value === null || value === undefined) {
      cell.textContent = column.kind === "count" ? "" : "undefined";
      cell.classList.add("undefined");
      if (column.notes && column.notes[row]) cell.title = column.notes[row];
    } else if (column.kind === "change") {
      const word = judgement(value, column.better);
      if (word) cell.classList.add(word);
      cell.textContent = formatChange(value) + (word === "worse" ? " ▾" : word === "better" ? " ▴" : "");
      if (word) cell.title = word;
    } else {
      cell.textContent = column.kind === "count" ? value.toLocaleString("en-US") : formatNumber(value);
    }
    return cell;
  }
}

// The width in pixels of a column that shows the longest of the values whole.
function widest(values) {
  const longest = values.reduce((found, value) => (String(value).length > found.length ? String(value) : found), "");
  const style = getComputedStyle(document.body);
  const context = document.createElement("canvas").getContext("2d");
  context.font = `500 ${style.fontSize} ${style.fontFamily}`;
  return Math.ceil(context.measureText(longest).width * 1.06) + 28;
}

for (const root of document.querySelectorAll(".data-table")) {
  const columns = JSON.parse(document.getElementById(root.dataset.source).textContent);
  root.table = new DataTable(root, columns);
}
