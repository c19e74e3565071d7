// Fairness: a metric on the slices of one feature, compared with one of them.

import { useMemo } from "preact/hooks";
import { change, count, interval, number, percent, several, short } from "../format";
import { OVERALL } from "../names";
import { choosable, Empty, LEAST, LeastExamples, Name, Select, seriesOf, splitOf, SplitSelect } from "../parts/controls";
import { below, Figure, Plot } from "../parts/figure";
import { DataTable, limits, numbers, type TableColumn } from "../parts/table";
import type { Results, Series } from "../results";
import { numberOf, useView, type View } from "../view";

const THRESHOLD = /(?:^|\s)threshold=([0-9.e+-]+)|@([0-9.]+)$/;

/** One slice compared with the baseline slice. */
interface Compared {
  id: number;
  name: string;
  value: number;
  lower: number;
  upper: number;
  n: number;
  difference: number;
  lowerDifference: number;
  upperDifference: number;
  ratio: number;
}

export function FairnessPage() {
  const view = useView();
  const { results } = view;
  const split = splitOf(view);
  const options = choosable(results.of(split));
  const features = useMemo(() => featuresWithSeveral(results), [results]);
  const rates = options.filter((one) => one.metric.includes("false_positive_rate"));
  const usual = rates.find((one) => Number(thresholdOf(one)) === 0.5) ?? rates[0];
  const series = seriesOf(options, view.get("fair") || (usual?.key ?? ""));
  if (!features.length || !series) {
    return (
      <Empty>
        There are no slices to compare. Add <code>{"{feature_keys: [a_feature]}"}</code> to the slicing_specs of the config, and{" "}
        <code>{"{class_name: FairnessIndicators}"}</code> to its metrics.
      </Empty>
    );
  }
  const feature = features.includes(view.get("feature")) ? view.get("feature") : features[0];
  const members = results.slices.map((slice, id) => ({ slice, id })).filter(({ slice }) => slice?.features === feature);
  const bases = [OVERALL, ...members.map(({ slice }) => slice.name)].filter((name) => results.row(series, name) >= 0);
  const base = bases.includes(view.get("base")) ? view.get("base") : bases[0];
  const twins = options.filter((one) => family(one) === family(series) && one.output === series.output && one.weighted === series.weighted);
  const least = numberOf(view.get("min"), LEAST, 0);
  const rows = compare(results, series, members.map(({ id }) => id), base).filter((row) => row.n >= least);
  const small = members.filter(({ id }) => results.rowsOf(series)[id] >= 0).length - rows.length;
  const defined = rows.filter((row) => !Number.isNaN(row.value));
  return (
    <>
      <h1 class="evc-hidden">Fairness</h1>
      <div class="evc-controls">
        <Select label="Slices of" value={feature} options={features} onChange={(chosen) => view.set({ feature: chosen, base: "" })} />
        <Select label="compared with" value={base} options={bases} onChange={(chosen) => view.set({ base: chosen })} />
        <Select label="by" value={family(series)} options={[...new Set(options.map(family))]} onChange={(chosen) => view.set({ fair: options.find((one) => family(one) === chosen)?.key ?? "" })} />
        {twins.length > 1 && <Select label="at" value={series.key} options={twins.map((one) => [one.key, one.subKey || thresholdOf(one) || "no threshold"])} onChange={(fair) => view.set({ fair })} />}
        <LeastExamples largest={Math.max(...members.map(({ id }) => results.n[results.rowsOf(series)[id]] || 0), 1)} />
        <SplitSelect />
      </div>
      <Gap rows={defined} series={series} total={rows.length} />
      {small > 0 && (
        <p class="evc-quiet">
          {several(small, "slice")} with fewer than {count(least)} examples left out: small ones are far off by chance.
        </p>
      )}
      {defined.length > 0 && <Dots rows={defined} series={series} base={base} view={view} />}
      {twins.length > 1 && <ByThreshold twins={twins} members={extremes(defined)} results={results} />}
      <Compares rows={rows} series={series} base={base} />
    </>
  );
}

/** The sets of features that have at least two slices, those with few slices first. */
function featuresWithSeveral(results: Results): string[] {
  const sizes = new Map<string, number>();
  for (const slice of results.slices) if (slice?.features) sizes.set(slice.features, (sizes.get(slice.features) ?? 0) + 1);
  return [...sizes].filter(([, size]) => size > 1).sort(([a, few], [b, many]) => few - many || (a < b ? -1 : 1)).map(([name]) => name);
}

function family(series: Series): string {
  return series.metric.replace(THRESHOLD, "");
}

/** What a result is called on this page: without the name of the group that it belongs to. */
function labelOf(series: Series): string {
  return series.label.split("/").at(-1) ?? series.label;
}

function thresholdOf(series: Series): string {
  const match = THRESHOLD.exec(series.subKey) ?? THRESHOLD.exec(series.metric);
  return match ? (match[1] ?? match[2]) : "";
}

/** Each slice beside the baseline slice; the interval of a difference is there where the slices have no example in common. */
function compare(results: Results, series: Series, ids: number[], base: string): Compared[] {
  const rows = results.rowsOf(series);
  const baseRow = results.row(series, base);
  const disjoint = base !== OVERALL;
  return ids
    .filter((id) => rows[id] >= 0)
    .map((id) => {
      const row = rows[id];
      const name = results.slices[id].name;
      const pair = results.row(series, `${base} − ${name}`);
      const [value, other] = [results.value[row], results.value[baseRow]];
      const difference = name === base ? 0 : value - other;
      const own = name === base ? [0, 0] : pair >= 0 && !Number.isNaN(results.lower[pair]) ? [-results.upper[pair], -results.lower[pair]] : disjoint ? apart(difference, value, results.lower[row], results.upper[row], other, results.lower[baseRow], results.upper[baseRow]) : [Number.NaN, Number.NaN];
      return { id, name, value, lower: results.lower[row], upper: results.upper[row], n: results.n[row], difference, lowerDifference: own[0], upperDifference: own[1], ratio: value / other };
    });
}

/** The slices with the highest and the lowest values, at most five. */
function extremes(rows: Compared[]): string[] {
  const sorted = [...rows].sort((a, b) => b.value - a.value).map((row) => row.name);
  return sorted.length > 5 ? [...sorted.slice(0, 3), ...sorted.slice(-2)] : sorted;
}

/** The limits of the difference of two values of separate examples, from the limits of each. (Newcombe 1998) */
function apart(difference: number, value: number, lower: number, upper: number, other: number, otherLower: number, otherUpper: number): [number, number] {
  return [difference - Math.hypot(value - lower, otherUpper - other), difference + Math.hypot(upper - value, other - otherLower)];
}

function Gap({ rows, series, total }: { rows: Compared[]; series: Series; total: number }) {
  if (rows.length < 2) return <Empty>Fewer than two of {count(total)} slices have a value of {labelOf(series)}.</Empty>;
  const most = rows.reduce((a, b) => (b.value > a.value ? b : a));
  const least = rows.reduce((a, b) => (b.value < a.value ? b : a));
  return (
    <p class="evc-lead" role="status">
      The largest gap: {labelOf(series)} is <strong>{number(most.value)}</strong> on <Name text={most.name} /> ({count(most.n)} examples) and <strong>{number(least.value)}</strong> on{" "}
      <Name text={least.name} /> ({count(least.n)} examples), a difference of {number(most.value - least.value)}
      {most.value ? ` and a ratio of ${number(least.value / most.value)}` : ""}.
      {rows.length < total && ` ${count(total - rows.length)} slices have no value.`}
    </p>
  );
}

function Dots({ rows, series, base, view }: { rows: Compared[]; series: Series; base: string; view: View }) {
  const { results } = view;
  const shown = [...rows].sort((a, b) => b.value - a.value).slice(0, 40);
  const baseRow = results.row(series, base);
  const baseline = new Map(shown.map((row) => [row, results.baseline[results.rowsOf(series)[row.id]]]));
  return (
    <Figure
      title={`${labelOf(series)} by slice`}
      description={`${shown.length} slices with intervals; the line is ${base}`}
      name="fairness"
      on={[rows.map((row) => row.id).join(), series, base]}
      note={`${rows.length > shown.length ? `The ${shown.length} highest of ${count(rows.length)}. ` : ""}The dashed line is ${base}${[...baseline.values()].some((value) => !Number.isNaN(value)) ? "; hollow dots are the baseline model" : ""}.`}
      draw={(colors, width) =>
        Plot.plot({
          width,
          marginLeft: 230,
          marginBottom: 44,
          height: 70 + 24 * shown.length,
          x: { ...below(labelOf(series)), grid: true, nice: true, inset: 10 },
          y: { type: "point", label: null, domain: shown.map((row) => row.id), tickFormat: (id: number) => short(results.slices[id].name, 32), tickSize: 0 },
          marks: [
            Plot.ruleX([results.value[baseRow]].filter(Number.isFinite), { stroke: colors.ink, strokeDasharray: "4,3" }),
            Plot.ruleY(shown.filter((row) => !Number.isNaN(row.lower)), { x1: "lower", x2: "upper", y: "id", stroke: colors.candidate, strokeWidth: 2 }),
            Plot.dot(shown.filter((row) => !Number.isNaN(baseline.get(row) ?? Number.NaN)), { x: (row) => baseline.get(row), y: "id", stroke: colors.baseline, r: 4 }),
            Plot.dot(shown, { x: "value", y: "id", fill: colors.candidate, r: 5, title: (row: Compared) => `${row.name}: ${number(row.value)} ${interval(row.lower, row.upper)} (n = ${count(row.n)})` }),
          ],
        })
      }
    />
  );
}

function ByThreshold({ twins, members, results }: { twins: Series[]; members: string[]; results: Results }) {
  const lines = [OVERALL, ...members];
  const points = twins
    .filter((one) => thresholdOf(one))
    .flatMap((one) => lines.map((name) => ({ name, threshold: Number(thresholdOf(one)), row: results.row(one, name) })))
    .filter(({ row }) => row >= 0 && !Number.isNaN(results.value[row]));
  if (!points.length) return null;
  const label = family(twins[0]).split("/").at(-1) ?? "";
  return (
    <Figure
      title={`${label} by threshold`}
      description={`one line for each of ${lines.length} slices`}
      name="fairness-thresholds"
      on={[members.join("\n"), twins[0]]}
      note="Overall, and the slices with the highest and the lowest values."
      draw={(colors, width) =>
        Plot.plot({
          width,
          height: 300,
          marginLeft: 56,
          marginRight: 30,
          marginBottom: 44,
          x: { ...below("threshold"), grid: true },
          y: { label, grid: true },
          color: { range: colors.others, legend: true, tickFormat: (name: string) => short(name, 40) },
          marks: [
            Plot.line(points, { x: "threshold", y: ({ row }) => results.value[row], stroke: "name", strokeWidth: 2, sort: "threshold" }),
            Plot.ruleX(points, { x: "threshold", y1: ({ row }) => results.lower[row], y2: ({ row }) => results.upper[row], stroke: "name", strokeOpacity: 0.5 }),
            Plot.dot(points, { x: "threshold", y: ({ row }) => results.value[row], fill: "name", r: 3 }),
          ],
        })
      }
    />
  );
}

function Compares({ rows, series, base }: { rows: Compared[]; series: Series; base: string }) {
  const view = useView();
  const { results } = view;
  const figure = (key: keyof Compared, label: string, format: (value: number) => string, more: Partial<TableColumn> = {}) => numbers(key, label, (i) => rows[i][key] as number, format, more);
  const columns: TableColumn[] = [
    { key: "name", label: "slice", width: 260, sortBy: (i) => rows[i].id, show: (i) => <Name text={rows[i].name} />, text: (i) => rows[i].name, hint: (i) => rows[i].name },
    figure("n", "examples", count, { downFirst: true }),
    figure("value", "value", number, {
      width: rows.some((row) => Number.isNaN(row.value)) ? 260 : 130,
      show: (i) => (Number.isNaN(rows[i].value) ? <span class="evc-undefined">undefined: {results.reason[results.rowsOf(series)[rows[i].id]]}</span> : number(rows[i].value)),
    }),
    limits("interval", "interval", (i) => [rows[i].lower, rows[i].upper], number),
    figure("difference", "difference", change),
    limits("difference_interval", "95 % of difference", (i) => [rows[i].lowerDifference, rows[i].upperDifference], change),
    figure("ratio", "ratio", (value) => (!Number.isFinite(value) ? "" : value < 10 ? percent(value, 0) : `${count(value)} times`)),
  ];
  return (
    <section>
      <h2>
        Compared with <Name text={base} />
      </h2>
      <DataTable label={`Slices compared with ${base}`} columns={columns} rows={rows.map((_, i) => i)} sort={view.get("fsort", "difference")} down={view.get("fdown") === "1"} onSort={(key, down) => view.set({ fsort: key, fdown: down ? "1" : "0" })} fileName="fairness" height={400} />
      <p class="evc-quiet">
        {rows.some((row) => row.name !== base && !Number.isNaN(row.lowerDifference)) && base === OVERALL
          ? "The intervals are those of cross_slicing_specs."
          : base === OVERALL
          ? "The overall slice holds the examples of the others, so a difference from it has no interval of two separate groups: choose one of the slices, or add cross_slicing_specs."
          : "Slices of one feature are taken to have no example in common; where an example has several values, add cross_slicing_specs, whose intervals take that into account."}
      </p>
    </section>
  );
}
