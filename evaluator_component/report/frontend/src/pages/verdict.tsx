// The verdict, in words; every check; what each bound is compared with.

import { useMemo } from "preact/hooks";
import type { Columns, Texts } from "../document";
import { change, count, number, OUTCOMES, short, ticks } from "../format";
import { Empty, finder, Find, Name, Select } from "../parts/controls";
import { below, Figure, Plot } from "../parts/figure";
import { DataTable, limits, numbers, type TableColumn } from "../parts/table";
import { useView, type View } from "../view";
import { Overall } from "./overall";

const SEVERITY = ["FAIL", "INCONCLUSIVE", "SKIPPED", "PASS"];
const MOST_DOTS = 30;

/** The columns of the table of checks. */
export class Checks {
  readonly length: number;
  readonly split: Texts;
  readonly slice: Texts;
  readonly metric: string[];
  readonly rule: Texts;
  readonly path: Texts;
  readonly outcome: Texts;
  readonly sentence: Texts;
  readonly n: Float64Array;
  readonly bound: Float64Array;
  readonly observed: Float64Array;
  readonly lower: Float64Array;
  readonly upper: Float64Array;
  readonly baseline: Float64Array;
  readonly change: Float64Array;
  readonly margin: Float64Array;
  readonly pValue: Float64Array;
  /** The key of the result, as `Results` has it. */
  readonly result: string[];

  constructor(columns: Columns) {
    this.length = columns.length;
    this.split = columns.texts("split");
    this.slice = columns.texts("slice");
    const [metric, output, subKey] = ["metric", "output", "sub_key"].map((name) => columns.texts(name));
    const weighted = columns.flags("weighted");
    const both = new Set(weighted).size > 1;
    this.result = Array.from({ length: columns.length }, (_, i) => [metric[i], output[i], subKey[i], weighted[i] ? "w" : ""].join("|"));
    this.metric = Array.from({ length: columns.length }, (_, i) => {
      const details = [output[i], subKey[i], both ? (weighted[i] ? "weighted" : "unweighted") : ""].filter(Boolean).join(", ");
      return details ? `${metric[i]} (${details})` : (metric[i] ?? "");
    });
    this.rule = columns.texts("rule");
    this.path = columns.texts("path");
    this.outcome = columns.texts("outcome");
    this.sentence = columns.texts("sentence");
    this.n = columns.numbers("n");
    this.bound = columns.numbers("bound");
    this.observed = columns.numbers("observed");
    this.lower = columns.numbers("lower");
    this.upper = columns.numbers("upper");
    this.baseline = columns.numbers("baseline");
    this.change = columns.numbers("change");
    this.margin = columns.numbers("margin");
    this.pValue = columns.numbers("p_value");
  }
}

export function VerdictPage() {
  const { report } = useView();
  const { verdict, subjects } = report.meta;
  const checks = useMemo(() => new Checks(report.checks), [report]);
  return (
    <>
      <header class={`evc-verdict ${verdict === null ? "" : verdict.blessed ? "evc-blessed" : "evc-not-blessed"}`}>
        <p class="evc-stamp">{verdict?.stamp ?? "NOT JUDGED"}</p>
        <h1>{verdict?.headline ?? "This evaluation was not judged."}</h1>
        {verdict && <p>{verdict.tally}</p>}
        {verdict && verdict.reasons.length > 0 && (
          <>
            <h2>Why</h2>
            <ul>
              {verdict.reasons.map((reason) => (
                <li key={reason}>{reason}</li>
              ))}
            </ul>
            {verdict.more_reasons > 0 && <p>… and {count(verdict.more_reasons)} more; see the checks below.</p>}
          </>
        )}
      </header>
      {verdict && verdict.notices.length > 0 && (
        <section class="evc-notices" aria-label="Notices">
          <h2>Please note</h2>
          <ul>
            {verdict.notices.map((notice) => (
              <li key={notice}>{notice}</li>
            ))}
          </ul>
        </section>
      )}
      <dl class="evc-subjects">
        {subjects.map(([name, place]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{place}</dd>
          </div>
        ))}
      </dl>
      {checks.length > 0 ? (
        <>
          <Dots checks={checks} />
          <AllChecks checks={checks} />
        </>
      ) : (
        <Empty>No checks were made: the config has no thresholds, so nothing says what a good model is.</Empty>
      )}
      <Overall />
      {verdict && <Policy policy={verdict.policy} families={verdict.families} />}
    </>
  );
}

/** One bound of the config: what each slice has, with its interval, against the bound. */
function Dots({ checks }: { checks: Checks }) {
  const view = useView();
  const bounds = useMemo(() => {
    const found = new Map<string, { worst: number; failed: number; rows: number[] }>();
    for (let row = 0; row < checks.length; row++) {
      const path = checks.path[row] ?? "";
      const one = found.get(path) ?? { worst: 9, failed: 0, rows: [] };
      one.worst = Math.min(one.worst, checks.outcome[row] === "SKIPPED" ? 9 : SEVERITY.indexOf(checks.outcome[row] ?? ""));
      one.failed += Number(checks.outcome[row] === "FAIL");
      one.rows.push(row);
      found.set(path, one);
    }
    return [...found].sort(([, a], [, b]) => a.worst - b.worst || b.failed - a.failed);
  }, [checks]);
  const [path, chosen] = bounds.find(([one]) => one === view.get("bound")) ?? bounds[0];
  const rows = chosen.rows.filter((row) => !Number.isNaN(checks.observed[row])).sort((a, b) => Number(checks.outcome[a] === "SKIPPED") - Number(checks.outcome[b] === "SKIPPED"));
  const shown = rows.slice(0, MOST_DOTS);
  const several = new Set(shown.map((row) => checks.split[row])).size > 1;
  const name = (row: number) => (several ? `${checks.slice[row]} · ${checks.split[row]}` : (checks.slice[row] ?? ""));
  const isChange = (checks.rule[path ? chosen.rows[0] : 0] ?? "").includes("change");
  const labels = new Map(shown.map((row) => [row, `${short(name(row), 30)} (${count(checks.n[row]) || "?"})`]));
  const limits = new Map(shown.map((row) => [row, limitsOf(checks, row, isChange, view)]));
  return (
    <section>
      <h2>What each bound is compared with</h2>
      <div class="evc-controls">
        <Select
          label="Bound"
          value={path}
          options={bounds.map(([one, { rows: own, failed }]) => [one, `${checks.metric[own[0]]}: ${one.split(".").slice(-2).join(".")} (${failed ? `${count(failed)} failed` : endOf(own, checks)})`])}
          onChange={(bound) => view.set({ bound })}
        />
      </div>
      {shown.length ? (
        <Figure
          title={isChange ? `Change of ${checks.metric[shown[0]]}` : checks.metric[shown[0]]}
          description={`${shown.length} slices with their intervals against the bound ${path}`}
          name="bound"
          on={[path, checks]}
          note={`${rows.length > shown.length ? `The ${MOST_DOTS} worst of ${count(rows.length)} slices. ` : ""}In brackets: how many examples. The line in each row is the interval or bracket, the upright mark its bound${isChange ? "" : ", the hollow dot the baseline"}${shown.some((row) => limits.get(row)?.[0] === limits.get(row)?.[1]) ? "; of those without a line no interval is known" : ""}.`}
          draw={(colors, width) =>
            Plot.plot({
              width,
              marginLeft: 270,
              marginBottom: 44,
              height: 70 + 22 * shown.length,
              x: { ...below(isChange ? `change of ${checks.metric[shown[0]]}` : checks.metric[shown[0]]), tickFormat: ticks(...shown.map((row) => checks.observed[row])), grid: true, nice: true, inset: 10 },
              y: { type: "band", label: null, domain: shown, tickFormat: (row: number) => labels.get(row) ?? "", tickSize: 0 },
              marks: [
                Plot.ruleY(shown, { x1: (row) => limits.get(row)?.[0], x2: (row) => limits.get(row)?.[1], y: (row) => row, stroke: (row) => tone(checks.outcome[row], colors), strokeWidth: 2 }),
                Plot.tickX(shown, { x: (row) => checks.bound[row], y: (row) => row, stroke: colors.ink, strokeWidth: 2 }),
                ...(isChange ? [Plot.ruleX([0], { stroke: colors.muted, strokeDasharray: "2,3" })] : [Plot.dot(shown.filter((row) => !Number.isNaN(checks.baseline[row])), { x: (row) => checks.baseline[row], y: (row) => row, stroke: colors.muted, r: 4 })]),
                Plot.dot(shown, { x: (row) => checks.observed[row], y: (row) => row, fill: (row) => tone(checks.outcome[row], colors), symbol: (row: number) => (checks.outcome[row] === "PASS" ? "circle" : "square"), r: 5, title: (row) => checks.sentence[row] ?? "" }),
              ],
            })
          }
        />
      ) : (
        <Empty>Nothing was observed for this bound; the table says why.</Empty>
      )}
    </section>
  );
}

/** How most checks of a bound ended that did not fail: "2 inconclusive", "24 passed". */
function endOf(rows: number[], checks: Checks): string {
  const counts = ["INCONCLUSIVE", "PASS", "SKIPPED"].map((outcome) => [outcome, rows.filter((row) => checks.outcome[row] === outcome).length] as const);
  const [outcome, number] = counts.find(([, size]) => size > 0) ?? ["PASS", 0];
  return `${count(number)} ${OUTCOMES[outcome]}`;
}

/** What is drawn around an observed number: the limits it was judged by, else its interval in the metric table. */
function limitsOf(checks: Checks, row: number, isChange: boolean, { results, report }: View): [number, number] {
  let [lower, upper] = [checks.lower[row], checks.upper[row]];
  if (report.meta.verdict?.policy.confidence == null) {
    const series = results.find(checks.split[row] ?? "", checks.result[row]);
    const own = series ? results.row(series, checks.slice[row] ?? "") : -1;
    const found = own < 0 ? [] : isChange ? [results.changeLower[own], results.changeUpper[own]] : [results.lower[own], results.upper[own]];
    if (found.length && !Number.isNaN(found[0])) [lower, upper] = found;
  }
  const observed = checks.observed[row];
  return [Number.isFinite(lower) ? lower : observed, Number.isFinite(upper) ? upper : observed];
}

function tone(outcome: string | null, colors: { good: string; bad: string; muted: string; baseline: string }): string {
  return outcome === "FAIL" ? colors.bad : outcome === "INCONCLUSIVE" ? colors.baseline : outcome === "PASS" ? colors.good : colors.muted;
}

function AllChecks({ checks }: { checks: Checks }) {
  const view = useView();
  const { left_out } = view.report.meta;
  const [outcome, find] = [view.get("outcome"), view.get("check")];
  const rows = useMemo(() => {
    const matches = finder(find);
    const kept: number[] = [];
    for (let row = 0; row < checks.length; row++) {
      if (outcome && checks.outcome[row] !== outcome) continue;
      if (matches(`${checks.slice[row]} ${checks.metric[row]} ${checks.path[row]}`)) kept.push(row);
    }
    return kept;
  }, [checks, outcome, find]);
  const columns = useMemo(() => columnsOf(checks), [checks]);
  const there = SEVERITY.filter((one) => checks.outcome.includes(one));
  return (
    <section class="evc-checks">
      <h2>
        All checks <small>{count(checks.length + left_out.checks)}</small>
      </h2>
      {left_out.checks > 0 && <p class="evc-quiet">{count(left_out.checks)} checks that did not fail are not in this page; verdict.json has all.</p>}
      <div class="evc-controls">
        <Select label="Outcome" value={outcome} options={[["", "any"], ...there.map((one): [string, string] => [one, OUTCOMES[one]])]} onChange={(value) => view.set({ outcome: value })} />
        <Find label="Find" value={find} placeholder="slice, metric or rule" onChange={(value) => view.set({ check: value })} />
      </div>
      <DataTable label="All checks" columns={columns} rows={rows} sort={view.get("csort", "outcome")} down={view.get("cdown") === "1"} onSort={(key, down) => view.set({ csort: key, cdown: down ? "1" : "0" })} fileName="checks" />
    </section>
  );
}

function columnsOf(checks: Checks): TableColumn[] {
  const figure = (key: string, label: string, values: Float64Array, format = number, more: Partial<TableColumn> = {}) => numbers(key, label, (row) => values[row], format, { width: 92, ...more });
  const text = (key: string, label: string, values: Texts | string[], width: number): TableColumn => ({
    key,
    label,
    width,
    sortBy: (row) => values[row] ?? "",
    show: (row) => values[row] ?? "",
    text: (row) => values[row] ?? "",
    hint: (row) => values[row] ?? undefined,
  });
  const several = new Set(checks.split).size > 1;
  return [
    {
      ...text("slice", "slice", checks.slice, 220),
      show: (row) => <Name text={checks.slice[row] ?? ""} most={34} />,
    },
    {
      key: "outcome",
      label: "outcome",
      width: 108,
      sortBy: (row) => SEVERITY.indexOf(checks.outcome[row] ?? ""),
      show: (row) => <Tag outcome={checks.outcome[row] ?? ""} />,
      text: (row) => OUTCOMES[checks.outcome[row] ?? ""] ?? "",
    },
    text("sentence", "what was found", checks.sentence, 470),
    ...(several ? [text("split", "split", checks.split, 80)] : []),
    figure("n", "examples", checks.n, count, { downFirst: true, width: 104 }),
    text("metric", "metric", checks.metric, 150),
    figure("observed", "observed", checks.observed),
    limits("interval", "limits", (row) => [checks.lower[row], checks.upper[row]], number),
    figure("bound", "bound", checks.bound),
    figure("margin", "to spare", checks.margin, change),
    figure("baseline", "baseline", checks.baseline),
  ];
}

export function Tag({ outcome }: { outcome: string }) {
  return <span class={`evc-tag evc-${outcome.toLowerCase()}`}>{OUTCOMES[outcome] ?? outcome}</span>;
}

function Policy({ policy, families }: { policy: Record<string, unknown>; families: Record<string, unknown>[] }) {
  return (
    <section>
      <h2>How it was judged</h2>
      <dl class="evc-run">
        {Object.entries(policy).map(([key, value]) => (
          <div key={key}>
            <dt>{key.replaceAll("_", " ")}</dt>
            <dd>{value === null || value === "" || (Array.isArray(value) && !value.length) ? "–" : String(value)}</dd>
          </div>
        ))}
        {families.map((family) => (
          <div key={`${family.path} ${family.split}`}>
            <dt>tested together</dt>
            <dd>
              {count(Number(family.size))} slices of split {String(family.split)} for {String(family.path)}, at a level of {number(Number(family.level))} ({String(family.correction)})
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

