// A table of very many rows, of which only those in sight are in the page.

import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from "@tanstack/virtual-core";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { csvCell, interval } from "../format";

export interface TableColumn {
  key: string;
  label: string;
  /** What is above the labels of several columns. */
  group?: string;
  width: number;
  numeric?: boolean;
  /** By which rows are sorted: numbers with NaN last, or texts. */
  sortBy?: (row: number) => number | string;
  /** Whether the first click sorts downwards. */
  downFirst?: boolean;
  show: (row: number) => ComponentChildren;
  /** What the CSV file has. */
  text: (row: number) => string | number;
  /** What is shown when the pointer rests on a cell. */
  hint?: (row: number) => string | undefined;
}

interface Props {
  label: string;
  columns: TableColumn[];
  rows: ArrayLike<number>;
  sort: string;
  down: boolean;
  onSort: (key: string, down: boolean) => void;
  rowClass?: (row: number) => string;
  height?: number;
  fileName: string;
}

const ROW = 30;

export function DataTable({ label, columns, rows, sort, down, onSort, rowClass, height = 480, fileName }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const sorted = useMemo(() => sortRows(rows, columns.find((column) => column.key === sort), down), [rows, sort, down, columns]);
  const [virtualizer] = useVirtualizer(scroller, sorted.length);
  const items = virtualizer.getVirtualItems();
  const above = items.length ? items[0].start : 0;
  const below = items.length ? virtualizer.getTotalSize() - items[items.length - 1].end : 0;
  const grouped = columns.some((column) => column.group);
  const width = columns.reduce((total, column) => total + column.width, 0);
  return (
    <div class="evc-table">
      <div class="evc-scroller" ref={scroller} style={{ maxHeight: `${height}px` }} tabIndex={0} role="region" aria-label={label}>
        <table aria-rowcount={sorted.length + 1} style={{ minWidth: `${width}px` }}>
          <caption class="evc-hidden">{label}</caption>
          <colgroup>
            {columns.map((column) => (
              <col key={column.key} style={{ width: `${column.width}px` }} />
            ))}
          </colgroup>
          <thead>
            {grouped && (
              <tr>
                {groups(columns).map(([name, span, first]) => (
                  <th key={first} colSpan={span} scope="colgroup" class="evc-group">
                    {name}
                  </th>
                ))}
              </tr>
            )}
            <tr aria-rowindex={1}>
              {columns.map((column) => (
                <th
                  key={column.key}
                  scope="col"
                  class={column.numeric ? "evc-number" : ""}
                  aria-sort={column.key === sort ? (down ? "descending" : "ascending") : undefined}
                >
                  {column.sortBy ? (
                    <button
                      type="button"
                      onClick={() => onSort(column.key, column.key === sort ? !down : Boolean(column.downFirst))}
                      aria-label={column.group ? `${column.group}, ${column.label}` : column.label}
                    >
                      {column.label}
                      <span aria-hidden="true">{column.key === sort ? (down ? " ▼" : " ▲") : ""}</span>
                    </button>
                  ) : (
                    column.label
                  )}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {above > 0 && <Spacer height={above} span={columns.length} />}
            {items.map((item) => {
              const row = sorted[item.index];
              return (
                <tr key={row} aria-rowindex={item.index + 2} class={rowClass?.(row)} style={{ height: `${ROW}px` }}>
                  {columns.map((column, place) => {
                    const content = { class: column.numeric ? "evc-number" : "", title: column.hint?.(row) };
                    return place ? (
                      <td key={column.key} {...content}>
                        {column.show(row)}
                      </td>
                    ) : (
                      <th key={column.key} scope="row" {...content}>
                        {column.show(row)}
                      </th>
                    );
                  })}
                </tr>
              );
            })}
            {below > 0 && <Spacer height={below} span={columns.length} />}
          </tbody>
        </table>
        {!sorted.length && <p class="evc-empty">No rows match. Widen the filters above.</p>}
      </div>
      <div class="evc-under">
        <span role="status">{sorted.length.toLocaleString("en")} {sorted.length === 1 ? "row" : "rows"}</span>
        <Export rows={sorted} columns={columns} fileName={fileName} />
      </div>
    </div>
  );
}

function Spacer({ height, span }: { height: number; span: number }) {
  return (
    <tr class="evc-spacer" aria-hidden="true">
      <td colSpan={span} style={{ height: `${height}px` }} />
    </tr>
  );
}

function Export({ rows, columns, fileName }: { rows: Int32Array; columns: TableColumn[]; fileName: string }) {
  const [said, say] = useState("");
  const text = () => toCsv(rows, columns);
  return (
    <span class="evc-actions">
      <span role="status">{said}</span>
      <button
        type="button"
        onClick={() => {
          copy(text()).then(
            () => say("copied"),
            () => say("the browser does not allow copying; download it"),
          );
        }}
      >
        Copy as CSV
      </button>
      <button type="button" onClick={() => download(new Blob([text()], { type: "text/csv" }), `${fileName}.csv`)}>
        Download CSV
      </button>
    </span>
  );
}

/** A column of numbers, NaN where there is none. */
export function numbers(key: string, label: string, of: (row: number) => number, format: (value: number) => string, more: Partial<TableColumn> = {}): TableColumn {
  return { key, label, width: 106, numeric: true, sortBy: of, show: (row) => format(of(row)), text: of, ...more };
}

/** A column of intervals. */
export function limits(key: string, label: string, of: (row: number) => [number, number], format: (value: number) => string, more: Partial<TableColumn> = {}): TableColumn {
  const text = (row: number) => interval(...of(row), format);
  return { key, label, width: 184, numeric: true, show: (row) => <span class="evc-quiet">{text(row)}</span>, text, ...more };
}

/** The rows as they are sorted, with a heading. */
export function toCsv(rows: ArrayLike<number>, columns: TableColumn[]): string {
  const head = columns.map((column) => csvCell(column.group ? `${column.group} ${column.label}` : column.label));
  const lines = Array.from(rows, (row) => columns.map((column) => csvCell(column.text(row))).join(","));
  return `${[head.join(","), ...lines].join("\n")}\n`;
}

async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    if (!copied) throw new Error("not copied");
  }
}

/** Offers a file. */
export function download(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function sortRows(rows: ArrayLike<number>, column: TableColumn | undefined, down: boolean): Int32Array {
  const sorted = Int32Array.from(rows);
  if (!column?.sortBy) return sorted;
  const values = new Map<number, number | string>();
  for (const row of sorted) values.set(row, column.sortBy(row));
  const sign = down ? -1 : 1;
  return sorted.sort((left, right) => {
    const [a, b] = [values.get(left) as number | string, values.get(right) as number | string];
    if (typeof a === "number" && typeof b === "number") {
      const [noA, noB] = [Number.isNaN(a), Number.isNaN(b)];
      if (noA || noB) return Number(noA) - Number(noB);
      return sign * (a - b);
    }
    return a < b ? -sign : a > b ? sign : 0;
  });
}

function groups(columns: TableColumn[]): [string, number, string][] {
  const found: [string, number, string][] = [];
  for (const column of columns) {
    const last = found.at(-1);
    if (last && last[0] === (column.group ?? "") && column.group) last[1] += 1;
    else found.push([column.group ?? "", 1, column.key]);
  }
  return found;
}

function useVirtualizer(scroller: { current: HTMLDivElement | null }, count: number) {
  const [, redraw] = useReducer((tick: number) => tick + 1, 0);
  const options = {
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 8,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    initialRect: { width: 800, height: 480 },
    onChange: () => redraw(undefined),
  };
  const [virtualizer] = useState(() => new Virtualizer<HTMLDivElement, HTMLTableRowElement>(options));
  virtualizer.setOptions(options);
  useEffect(() => virtualizer._didMount(), [virtualizer]);
  useEffect(() => virtualizer._willUpdate());
  return [virtualizer];
}
