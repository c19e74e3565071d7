// A table of very many rows, of which only those in sight are in the page.

import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from "@tanstack/virtual-core";
import { type ComponentChildren, options } from "preact";
import { useEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { csvCell, interval, several } from "../format";

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
  /** The columns of the CSV file, where there are several. */
  parts?: [label: string, of: (row: number) => number][];
  /** What is shown, as plain text, of a column that gets as wide as it needs. */
  plain?: (row: number) => string;
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
  onRow?: (row: number) => void;
  height?: number;
  fileName: string;
}

const ROW = 30;
const MOST_PRINTED = 1000;
const DIGIT = 8.2;

export function DataTable({ label, columns, rows, sort, down, onSort, rowClass, onRow, height = 480, fileName }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const sorted = useMemo(() => sortRows(rows, columns.find((column) => column.key === sort), down), [rows, sort, down, columns]);
  const [virtualizer] = useVirtualizer(scroller, sorted.length);
  const printing = usePrinting();
  const items = printing ? everything(Math.min(sorted.length, MOST_PRINTED)) : virtualizer.getVirtualItems();
  const widths = useWidths(columns, items.map((item) => sorted[item.index]));
  const above = items.length ? items[0].start : 0;
  const below = items.length && !printing ? virtualizer.getTotalSize() - items[items.length - 1].end : 0;
  const grouped = columns.some((column) => column.group);
  const width = widths.reduce((total, own) => total + own, 0);
  return (
    <div class="evc-table">
      <div class="evc-scroller" ref={scroller} style={{ maxHeight: `${height}px` }} tabIndex={0} role="region" aria-label={label}>
        <table aria-rowcount={sorted.length + 1} style={{ minWidth: `${width}px` }}>
          <caption class="evc-hidden">{label}</caption>
          <colgroup>
            {columns.map((column, place) => (
              <col key={column.key} style={{ width: `${widths[place]}px` }} />
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
                  title={column.label}
                  onClick={column.sortBy && (() => onSort(column.key, column.key === sort ? !down : Boolean(column.downFirst)))}
                  aria-sort={column.key === sort ? (down ? "descending" : "ascending") : undefined}
                >
                  {column.sortBy ? (
                    <button
                      type="button"
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
                <tr key={row} aria-rowindex={item.index + 2} class={rowClass?.(row)} onClick={onRow && (() => onRow(row))} style={{ height: `${ROW}px` }}>
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
        {printing && sorted.length > MOST_PRINTED && <p>… and {several(sorted.length - MOST_PRINTED, "more row")}, which are not printed.</p>}
        {!sorted.length && <p class="evc-empty">No rows match. Widen the filters above.</p>}
      </div>
      <div class="evc-under">
        <span role="status">{several(sorted.length, "row")}</span>
        <Export rows={sorted} columns={columns} fileName={fileName} />
      </div>
    </div>
  );
}

/** The rows from the first on, as the virtualizer has them. */
function everything(count: number): { index: number; start: number; end: number }[] {
  return Array.from({ length: count }, (_, index) => ({ index, start: index * ROW, end: (index + 1) * ROW }));
}

/** Whether the page is being printed; what is drawn then is in place before the printer looks. */
function usePrinting(): boolean {
  const [printing, setPrinting] = useState(false);
  useEffect(() => {
    const change = (next: boolean) => () => {
      const later = options.debounceRendering;
      options.debounceRendering = (draw) => draw();
      setPrinting(next);
      options.debounceRendering = later;
    };
    const [before, after] = [change(true), change(false)];
    addEventListener("beforeprint", before);
    addEventListener("afterprint", after);
    return () => {
      removeEventListener("beforeprint", before);
      removeEventListener("afterprint", after);
    };
  }, []);
  return printing;
}

/** How wide each column is: as it asks for, or as the numbers need that have been in sight. */
function useWidths(columns: TableColumn[], rows: number[]): number[] {
  const most = useRef(new Map<string, number>());
  return columns.map(({ key, width, plain }) => {
    const letters = plain ? Math.max(0, ...rows.map((row) => plain(row).length)) : 0;
    const own = Math.max(width, Math.ceil(letters * DIGIT) + 20, most.current.get(key) ?? 0);
    most.current.set(key, own);
    return own;
  });
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
  return { key, label, width: 106, numeric: true, sortBy: of, show: (row) => format(of(row)), plain: (row) => format(of(row)), text: of, ...more };
}

/** A column of intervals. */
export function limits(key: string, label: string, of: (row: number) => [number, number], format: (value: number) => string, more: Partial<TableColumn> = {}): TableColumn {
  const text = (row: number) => interval(...of(row), format);
  const parts: TableColumn["parts"] = [[`${label}, lower`, (row) => of(row)[0]], [`${label}, upper`, (row) => of(row)[1]]];
  return { key, label, width: 150, numeric: true, show: (row) => <span class="evc-quiet">{text(row)}</span>, plain: text, text, parts, ...more };
}

/** The rows as they are sorted, with a heading. */
export function toCsv(rows: ArrayLike<number>, columns: TableColumn[]): string {
  const parts = columns.flatMap(({ group, label, text, parts: own }) =>
    (own ?? [[label, text] as const]).map(([name, of]) => [group ? `${group} ${name}` : name, of] as const),
  );
  const head = parts.map(([name]) => csvCell(name));
  const lines = Array.from(rows, (row) => parts.map(([, of]) => csvCell(of(row))).join(","));
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
  const settings = {
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
  const [virtualizer] = useState(() => new Virtualizer<HTMLDivElement, HTMLTableRowElement>(settings));
  virtualizer.setOptions(settings);
  useEffect(() => virtualizer._didMount(), [virtualizer]);
  useEffect(() => virtualizer._willUpdate());
  return [virtualizer];
}
