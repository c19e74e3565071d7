// Metrics over the versions of a model.

import { useMemo } from "preact/hooks";
import type { Report } from "../document";
import { change, count, interval, judgement, number, short } from "../format";
import { OVERALL } from "../names";
import { Empty, Find, Name, Select, useOwnId } from "../parts/controls";
import { Figure, Plot } from "../parts/figure";
import { listOf, useView } from "../view";

const MOST_LINES = 6;

/** The rows of a history by result. */
class Past {
  readonly results: string[];
  readonly slices: string[];
  readonly splits: string[];
  readonly version: Float64Array;
  readonly value: Float64Array;
  readonly lower: Float64Array;
  readonly upper: Float64Array;
  readonly direction: (string | null)[];
  private readonly rows = new Map<string, number[]>();

  constructor({ history }: Report) {
    const [split, slice, metric, output, subKey] = ["split", "slice", "metric", "output", "sub_key"].map((name) => history.texts(name));
    const weighted = history.flags("weighted");
    this.version = history.numbers("version");
    this.value = history.numbers("value");
    this.lower = history.numbers("lower");
    this.upper = history.numbers("upper");
    this.direction = history.texts("direction");
    const [results, slices, splits] = [new Set<string>(), new Set<string>(), new Set<string>()];
    for (let row = 0; row < history.length; row++) {
      const details = [output[row], subKey[row], weighted[row] ? "weighted" : ""].filter(Boolean).join(", ");
      const label = details ? `${metric[row]} (${details})` : (metric[row] ?? "");
      results.add(label);
      slices.add(slice[row] ?? "");
      splits.add(split[row] ?? "");
      const key = `${split[row]}\n${slice[row]}\n${label}`;
      this.rows.set(key, [...(this.rows.get(key) ?? []), row]);
    }
    this.results = [...results];
    this.slices = [...slices].sort((a, b) => Number(b === OVERALL) - Number(a === OVERALL) || a.localeCompare(b, "en", { numeric: true }));
    this.splits = [...splits].sort();
  }

  of(split: string, slice: string, result: string): number[] {
    return this.rows.get(`${split}\n${slice}\n${result}`) ?? [];
  }
}

export function HistoryPage() {
  const view = useView();
  const { report } = view;
  const { versions, notices } = report.meta;
  const past = useMemo(() => new Past(report), [report]);
  const list = useOwnId();
  if (!versions.length) return <Empty>There is no evaluation to show. Give output folders to evaluator history, or a metadata store with --mlmd.</Empty>;
  const result = past.results.find((one) => one === view.get("metric")) ?? past.results.find((one) => one === "auc") ?? past.results.find((one) => !one.includes("example_count")) ?? past.results[0];
  const split = past.splits.includes(view.get("split")) ? view.get("split") : past.splits.includes("*") ? "*" : past.splits[0];
  const slices = listOf(view.get("slices")).filter((name) => past.slices.includes(name));
  const shown = (slices.length ? slices : [past.slices[0]]).slice(0, MOST_LINES);
  const show = (names: string[]) => view.set({ slices: names.length ? JSON.stringify(names) : "", add: "" });
  const asked = view.get("add");
  return (
    <>
      <header class="evc-verdict">
        <h1>{report.meta.title}</h1>
        <p>
          {count(versions.length)} {versions.length === 1 ? "version" : "versions"}, {count(versions.filter((one) => one.blessed).length)} of them blessed.
        </p>
      </header>
      {notices?.length > 0 && (
        <section class="evc-notices" aria-label="Notices">
          <ul>
            {notices.map((notice) => (
              <li key={notice}>{notice}</li>
            ))}
          </ul>
        </section>
      )}
      <div class="evc-controls">
        <Select label="Metric" value={result} options={past.results} onChange={(metric) => view.set({ metric })} />
        {past.splits.length > 1 && <Select label="Split" value={split} options={past.splits.map((one) => [one, one === "*" ? "all splits" : one])} onChange={(chosen) => view.set({ split: chosen })} />}
        <Find label="Add a slice" value={asked} list={list} placeholder={`${count(past.slices.length)} slices`} onChange={(name) => (past.slices.includes(name) ? show([...new Set([...shown, name])]) : view.set({ add: name }))} />
        <datalist id={list}>
          {past.slices.slice(0, 1000).map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
        {shown.map((name) => (
          <span class="evc-chip" key={name}>
            <Name text={name} />
            {shown.length > 1 && (
              <button type="button" aria-label={`Remove ${name}`} onClick={() => show(shown.filter((one) => one !== name))}>
                ×
              </button>
            )}
          </span>
        ))}
      </div>
      <Timeline past={past} split={split} result={result} shown={shown} />
      <Versions past={past} split={split} result={result} shown={shown} />
    </>
  );
}

function Timeline({ past, split, result, shown }: { past: Past; split: string; result: string; shown: string[] }) {
  const { versions } = useView().report.meta;
  const points = shown.flatMap((name) => past.of(split, name, result).map((row) => ({ name, version: past.version[row], row }))).filter(({ row }) => !Number.isNaN(past.value[row]));
  if (!points.length) return <Empty>{result} has no value in these slices.</Empty>;
  const label = (version: number) => short(versions[version]?.label ?? "", 14);
  const verdict = (version: number) => versions[version]?.blessed;
  return (
    <Figure
      title={`${result} over versions`}
      description={`${versions.length} versions; the table below has the numbers`}
      name="history"
      on={[shown.join("\n"), result, split]}
      note="Filled dots are blessed versions, crosses those that were not, hollow dots those that were not judged; lines through them are intervals."
      draw={(colors, width) =>
        Plot.plot({
          width,
          height: 340,
          marginLeft: 60,
          marginRight: 30,
          marginBottom: 56,
          x: { type: "point", domain: versions.map((_, i) => i), label: null, tickFormat: label, tickRotate: versions.length > 8 ? -35 : 0, inset: 16 },
          y: { label: result, grid: true, nice: true },
          color: { domain: shown, range: shown.length === 1 ? [colors.candidate] : colors.others, legend: shown.length > 1, tickFormat: (name: string) => short(name, 40) },
          marks: [
            Plot.ruleX(points.filter(({ row }) => !Number.isNaN(past.lower[row])), { x: "version", y1: ({ row }) => past.lower[row], y2: ({ row }) => past.upper[row], stroke: "name", strokeOpacity: 0.6, strokeWidth: 2 }),
            Plot.line(points, { x: "version", y: ({ row }) => past.value[row], stroke: "name", z: "name", strokeWidth: 2 }),
            Plot.dot(points, {
              x: "version",
              y: ({ row }) => past.value[row],
              stroke: "name",
              fill: ({ version, name }) => (verdict(version) ? (shown.length === 1 ? colors.candidate : colors.others[shown.indexOf(name)]) : colors.ground),
              r: 5,
              symbol: ({ version }: { version: number }) => (verdict(version) === false ? "times" : "circle"),
              strokeWidth: 2,
              title: ({ version, row, name }) => `${versions[version].label}, ${name}: ${number(past.value[row])} ${interval(past.lower[row], past.upper[row])}\n${versions[version].summary}`,
            }),
          ],
        })
      }
    />
  );
}

function Versions({ past, split, result, shown }: { past: Past; split: string; result: string; shown: string[] }) {
  const { versions } = useView().report.meta;
  const rowOf = (version: number, slice: string) => past.of(split, slice, result).find((row) => past.version[row] === version);
  return (
    <section>
      <h2>Versions, the latest first</h2>
      <div class="evc-scroller" tabIndex={0} role="region" aria-label="Versions">
        <table class="evc-fixed">
          <thead>
            <tr>
              <th scope="col">version</th>
              <th scope="col">time</th>
              <th scope="col">verdict</th>
              {shown.map((name) => (
                <th scope="col" class="evc-number" key={name}>
                  <Name text={short(name, 28)} />
                </th>
              ))}
              <th scope="col">summary</th>
            </tr>
          </thead>
          <tbody>
            {versions
              .map((version, i) => (
                <tr key={version.output + version.label}>
                  <th scope="row" title={version.model}>
                    {version.label}
                  </th>
                  <td>{version.time?.slice(0, 16).replace("T", " ") ?? ""}</td>
                  <td>{version.blessed === null ? "not judged" : <span class={`evc-tag evc-${version.blessed ? "pass" : "fail"}`}>{version.blessed ? "blessed" : "not blessed"}</span>}</td>
                  {shown.map((name) => {
                    const row = rowOf(i, name);
                    const before = i ? rowOf(i - 1, name) : undefined;
                    const step = row !== undefined && before !== undefined ? past.value[row] - past.value[before] : Number.NaN;
                    return (
                      <td class="evc-number" key={name}>
                        {row === undefined ? "" : number(past.value[row]) || "undefined"} <small class={`evc-${judgement(step, row === undefined ? null : past.direction[row]) || "quiet"}`}>{change(step)}</small>
                      </td>
                    );
                  })}
                  <td>{version.summary}</td>
                </tr>
              ))
              .reverse()}
          </tbody>
        </table>
      </div>
    </section>
  );
}
