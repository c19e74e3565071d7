// The slicing browser: a histogram of a metric over slices, brushed to filter; the slices; those pinned beside Overall.

import { brushX } from "d3-brush";
import { scaleLinear } from "d3-scale";
import { select } from "d3-selection";
import { useMemo } from "preact/hooks";
import { change, count, number, several, ticks } from "../format";
import { histogram } from "../measures";
import { OVERALL } from "../names";
import { Check, choosable, Empty, Field, Find, finder, LEAST, LeastExamples, MetricSelect, Name, seriesOf, splitOf, SplitSelect } from "../parts/controls";
import { below, Figure, type Palette, Plot } from "../parts/figure";
import { DataTable, limits, numbers, type TableColumn } from "../parts/table";
import type { Results, Series } from "../results";
import { listOf, numberOf, useView, type View } from "../view";
import { MetricsBeside } from "./overall";
import { PlotsOf } from "./plots";

const BINS = 30;
const MOST_DRAWN = 6;

export function SlicesPage() {
  const view = useView();
  const { results, report } = view;
  const split = splitOf(view);
  const options = choosable(results.of(split));
  const series = seriesOf(options, view.get("metric"));
  const pins = listOf(view.get("pins"));
  if (!series) return <Empty>This evaluation has no metrics.</Empty>;
  const { eligible, kept, hidden } = chosen(view, series);
  const { left_out } = report.meta;
  const largest = Math.max(...eligible.map((id) => results.n[results.rowsOf(series)[id]]), 1);
  return (
    <>
      <h1 class="evc-hidden">Slices</h1>
      <div class="evc-controls">
        <MetricSelect options={options} series={series} />
        <SplitSelect />
        <LeastExamples largest={largest} />
        <Find label="Find" value={view.get("find")} placeholder="words in the slice's name" onChange={(find) => view.set({ find })} />
        <Check label="Weigh by examples" checked={view.get("weigh") === "1"} onChange={(on) => view.set({ weigh: on ? "1" : "" })} />
        {results.slices.some((one) => one?.isPair) && (
          <Check label="Differences between slices" checked={view.get("pairs") === "1"} onChange={(on) => view.set({ pairs: on ? "1" : "", low: "", high: "" })} />
        )}
        <Check label="All metrics" checked={view.get("all") === "1"} onChange={(on) => view.set({ all: on ? "1" : "" })} />
      </div>
      <Histogram series={series} ids={eligible} />
      <p class="evc-quiet">
        {count(kept.length)} of {count(kept.length + hidden)} slices are shown
        {hidden > 0 && "; the others are smaller, outside of the range or not among those found"}.
        {left_out.slices > 0 && ` ${count(left_out.slices)} slices with fewer examples are not in this page; metrics.parquet has all.`} Click a row to pin its slice.
      </p>
      <SliceTable series={series} ids={kept} pins={pins} all={view.get("all") === "1" ? options : []} />
      <Pinned pins={pins} />
    </>
  );
}

/** The slices that filters leave, before and after the range of values. */
export function chosen(view: View, series: Series): { eligible: number[]; kept: number[]; hidden: number } {
  const { results } = view;
  const rows = results.rowsOf(series);
  const least = numberOf(view.get("min"), LEAST, 0);
  const matches = finder(view.get("find"));
  const pairs = view.get("pairs") === "1";
  const [low, high] = rangeOf(view);
  const eligible: number[] = [];
  const kept: number[] = [];
  let all = 0;
  results.slices.forEach((slice, id) => {
    const row = rows[id];
    if (row < 0 || slice.isPair !== pairs) return;
    all += 1;
    const n = results.n[row];
    if (!(n >= least) && !(Number.isNaN(n) && least === 0)) return;
    if (!matches(slice.name)) return;
    eligible.push(id);
    const value = results.value[row];
    if ((low !== null && !(value >= low)) || (high !== null && !(value <= high))) return;
    kept.push(id);
  });
  return { eligible, kept, hidden: all - kept.length };
}

function rangeOf(view: View): [number | null, number | null] {
  const [low, high] = [view.get("low"), view.get("high")].map((text) => numberOf(text, Number.NaN));
  const ordered = low > high ? [high, low] : [low, high];
  return [Number.isNaN(ordered[0]) ? null : ordered[0], Number.isNaN(ordered[1]) ? null : ordered[1]];
}

function Histogram({ series, ids }: { series: Series; ids: number[] }) {
  const view = useView();
  const { results } = view;
  const weigh = view.get("weigh") === "1";
  const rows = results.rowsOf(series);
  // The overall slice has a line of its own; it holds the examples of all others.
  const own = ids.length > 1 ? ids.filter((id) => results.slices[id].name !== OVERALL) : ids;
  const defined = own.map((id) => rows[id]).filter((row) => Number.isFinite(results.value[row]));
  const [low, high] = rangeOf(view);
  if (!defined.length) return <Empty>No slice has a value of {series.label} here. Fewer examples may be asked for, or another metric chosen.</Empty>;
  const bins = histogram(defined.map((row) => results.value[row]), defined.map((row) => (weigh ? results.n[row] : 1)), BINS);
  const margin = { marginLeft: 56, marginRight: 20, marginBottom: 44, marginTop: 26 };
  const domain: [number, number] = [bins[0].lower, bins[BINS - 1].upper];
  const overall = results.row(series, OVERALL);
  return (
    <section>
      <Figure
        title={`${series.label} over ${several(defined.length, "slice")}${ids.length > 1 ? ", without the overall one" : ""}`}
        description={`histogram, from ${number(domain[0])} to ${number(domain[1])}; the fields below set the range`}
        name="slices"
        on={[series, ids.join(), weigh, low, high]}
        draw={(colors, width) => draw(colors, width, bins, { ...margin, domain, label: series.label, weigh, overall: overall < 0 ? Number.NaN : results.value[overall] })}
        after={(chart) => brush(chart as SVGSVGElement, domain, margin, [low, high], (from, to) => view.set({ low: from, high: to }))}
        note="Drag over the histogram to keep only slices in a range. The dashed line is the overall slice."
      />
      <div class="evc-controls">
        <Limit label="From" value={view.get("low")} onChange={(value) => view.set({ low: value })} />
        <Limit label="to" value={view.get("high")} onChange={(value) => view.set({ high: value })} />
        <button type="button" disabled={low === null && high === null} onClick={() => view.set({ low: "", high: "" })}>
          Whole range
        </button>
      </div>
    </section>
  );
}

function Limit({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) {
  return <Field label={label}>{(id) => <input id={id} type="number" step="any" value={value} onChange={(event) => onChange(event.currentTarget.value)} />}</Field>;
}

interface Drawing {
  marginLeft: number;
  marginRight: number;
  marginTop: number;
  marginBottom: number;
  domain: [number, number];
  label: string;
  weigh: boolean;
  overall: number;
}

function draw(colors: Palette, width: number, bins: { lower: number; upper: number; total: number }[], how: Drawing) {
  return Plot.plot({
    width,
    height: 190,
    marginLeft: how.marginLeft,
    marginRight: how.marginRight,
    marginTop: how.marginTop,
    marginBottom: how.marginBottom,
    x: { ...below(how.label), domain: how.domain, tickFormat: ticks(...how.domain) },
    y: { label: how.weigh ? "examples" : "slices", grid: true, ticks: Math.min(4, Math.max(...bins.map((bin) => bin.total))), tickFormat: "~s" },
    marks: [
      Plot.rectY(bins, { x1: "lower", x2: "upper", y: "total", fill: colors.candidate, inset: 0.5, title: (bin) => `${number(bin.lower)} to ${number(bin.upper)}: ${count(bin.total)}` }),
      Plot.ruleY([0], { stroke: colors.muted }),
      ...(Number.isFinite(how.overall) && how.overall >= how.domain[0] && how.overall <= how.domain[1] ? [Plot.ruleX([how.overall], { stroke: colors.ink, strokeDasharray: "4,3" })] : []),
    ],
  });
}

function brush(
  chart: SVGSVGElement,
  domain: [number, number],
  margin: { marginLeft: number; marginRight: number; marginTop: number; marginBottom: number },
  [low, high]: [number | null, number | null],
  onRange: (low: string, high: string) => void,
): void {
  const [width, height] = [Number(chart.getAttribute("width")), Number(chart.getAttribute("height"))];
  const scale = scaleLinear(domain, [margin.marginLeft, width - margin.marginRight]);
  const brushing = brushX<unknown>().extent([
    [margin.marginLeft, margin.marginTop],
    [width - margin.marginRight, height - margin.marginBottom],
  ]);
  const holder = select(chart).append("g").attr("class", "evc-brush");
  holder.call(brushing);
  if (low !== null || high !== null) brushing.move(holder, [scale(low ?? domain[0]), scale(high ?? domain[1])].map((x) => Math.min(width - margin.marginRight, Math.max(margin.marginLeft, x))) as [number, number]);
  brushing.on("end", (event: { sourceEvent?: unknown; selection: [number, number] | null }) => {
    if (!event.sourceEvent) return;
    const limits = event.selection?.map((x) => scale.invert(x).toPrecision(6)) ?? ["", ""];
    onRange(limits[0], limits[1]);
  });
}

function SliceTable({ series, ids, pins, all }: { series: Series; ids: number[]; pins: string[]; all: Series[] }) {
  const view = useView();
  const { results } = view;
  const level = view.report.meta.level ? `${100 * view.report.meta.level} %` : "interval";
  const columns = useMemo(() => columnsOf(results, series, level, all), [results, series, level, all.length]);
  const toggle = (name: string) => {
    const next = pins.includes(name) ? pins.filter((pin) => pin !== name) : [...pins, name];
    view.set({ pins: next.length ? JSON.stringify(next) : "" });
  };
  const sort = view.get("sort", "slice");
  const firstDown = columns.find((column) => column.key === sort)?.downFirst;
  const first: TableColumn = {
    key: "slice",
    label: "slice",
    width: 300,
    sortBy: (id) => id,
    show: (id) => (
      <button type="button" class="evc-pin" aria-pressed={pins.includes(results.slices[id].name)}>
        <Name text={results.slices[id].name} most={44} />
      </button>
    ),
    text: (id) => results.slices[id].name,
    hint: (id) => results.slices[id].name,
  };
  return (
    <DataTable
      label={`Slices by ${series.label}`}
      columns={[first, ...columns]}
      rows={ids}
      sort={sort}
      down={view.get("down", firstDown ? "1" : "0") === "1"}
      onSort={(sort, down) => view.set({ sort, down: down ? "1" : "0" })}
      onRow={(id) => toggle(results.slices[id].name)}
      rowClass={(id) => (pins.includes(results.slices[id].name) ? "evc-pinned" : "")}
      fileName={`slices-${series.metric}`}
    />
  );
}

function columnsOf(results: Results, series: Series, level: string, all: Series[]): TableColumn[] {
  const rows = results.rowsOf(series);
  const of = (values: Float64Array) => (id: number) => (rows[id] < 0 ? Number.NaN : values[rows[id]]);
  const named = { group: series.label, downFirst: series.direction === "lower" };
  const figure = (key: string, label: string, values: Float64Array, format: (value: number) => string) => numbers(key, label, of(values), format, named);
  const interval = (key: string, label: string, lower: Float64Array, upper: Float64Array, format: (value: number) => string) =>
    limits(key, label, (id) => [of(lower)(id), of(upper)(id)], format, { group: series.label, sortBy: (id) => of(upper)(id) - of(lower)(id) });
  const has = (values: Float64Array) => results.slices.some((_, id) => !Number.isNaN(of(values)(id)));
  const value: TableColumn = {
    ...figure("value", "value", results.value, number),
    width: slicesUndefined(results, rows) ? 280 : 110,
    show: (id) => {
      const row = rows[id];
      return Number.isNaN(results.value[row]) ? <span class="evc-undefined">undefined: {results.reason[row] ?? "no reason on record"}</span> : number(results.value[row]);
    },
    hint: (id) => (Number.isNaN(of(results.value)(id)) ? (results.reason[rows[id]] ?? undefined) : undefined),
  };
  const compared = has(results.baseline);
  return [
    numbers("n", "examples", of(results.n), count, { downFirst: true }),
    value,
    ...(has(results.lower) ? [interval("interval", level, results.lower, results.upper, number)] : []),
    ...(compared ? [figure("baseline", "baseline", results.baseline, number)] : []),
    ...(has(results.change) && compared ? [figure("change", "change", results.change, change)] : []),
    ...(has(results.changeLower) ? [interval("change_interval", `${level} of change`, results.changeLower, results.changeUpper, change)] : []),
    ...all.filter((other) => other.key !== series.key).map((other): TableColumn => {
      const own = results.rowsOf(other);
      const get = (id: number) => (own[id] < 0 ? Number.NaN : results.value[own[id]]);
      return numbers(other.key, other.label, get, number, { width: 130, downFirst: other.direction === "lower" });
    }),
  ];
}

function slicesUndefined(results: Results, rows: Int32Array): boolean {
  return rows.some((row) => row >= 0 && Number.isNaN(results.value[row]));
}

function Pinned({ pins }: { pins: string[] }) {
  const view = useView();
  const series = view.results.of(splitOf(view));
  const there = pins.filter((pin) => view.results.idOf(pin) >= 0);
  const unknown = pins.filter((pin) => view.results.idOf(pin) < 0);
  if (!pins.length) return null;
  const keep = (names: string[]) => view.set({ pins: names.length ? JSON.stringify(names) : "" });
  return (
    <section aria-label="Pinned slices">
      <h2>Pinned slices</h2>
      <div class="evc-controls">
        {there.map((pin) => (
          <span class="evc-chip" key={pin}>
            <Name text={pin} most={60} />
            <button type="button" onClick={() => keep(pins.filter((one) => one !== pin))} aria-label={`Unpin ${pin}`}>
              ×
            </button>
          </span>
        ))}
        <button type="button" onClick={() => keep([])}>
          Unpin all
        </button>
      </div>
      {unknown.length > 0 && (
        <p class="evc-quiet">
          This page has no slice{" "}
          {unknown.map((name) => (
            <code key={name}>{name} </code>
          ))}
        </p>
      )}
      {there.length > 0 && (
        <>
          <MetricsBeside slices={[OVERALL, ...there.filter((pin) => pin !== OVERALL)]} series={series} />
          <h3>Plots, beside the overall slice</h3>
          <PlotsOf slices={[OVERALL, ...there.filter((pin) => pin !== OVERALL)].slice(0, MOST_DRAWN)} />
          {there.length >= MOST_DRAWN && <p class="evc-quiet">Plots of the first {MOST_DRAWN} slices; unpin some to see others.</p>}
        </>
      )}
    </section>
  );
}
