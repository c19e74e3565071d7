// The metrics of the overall slice, or of any other, as a table.

import { change, clearJudgement, count, interval, number } from "../format";
import { OVERALL } from "../names";
import { Name, splitOf, SplitSelect } from "../parts/controls";
import type { Series } from "../results";
import { useView } from "../view";

export function Overall() {
  const view = useView();
  const { results } = view;
  const split = splitOf(view);
  const series = results.of(split);
  if (!series.some((one) => results.row(one, OVERALL) >= 0)) return null;
  return (
    <section>
      <h2>
        Overall <small>{count(examplesOf(view, OVERALL))} examples</small>
      </h2>
      <div class="evc-controls">
        <SplitSelect />
      </div>
      <MetricsOf slice={OVERALL} series={series} />
    </section>
  );
}

/** How many examples a slice has. */
export function examplesOf({ results, report, get }: Pick<ReturnType<typeof useView>, "results" | "report" | "get">, slice: string): number {
  const all = results
    .of(splitOf({ report, get }))
    .map((one) => results.row(one, slice))
    .filter((row) => row >= 0)
    .map((row) => results.n[row]);
  return Math.max(...all.filter((n) => !Number.isNaN(n)), 0);
}

/** All metrics of a slice: candidate beside baseline. */
export function MetricsOf({ slice, series }: { slice: string; series: Series[] }) {
  const { results, report } = useView();
  const rows = series.map((one) => [one, results.row(one, slice)] as const).filter(([, row]) => row >= 0);
  const compared = rows.some(([, row]) => !Number.isNaN(results.baseline[row]));
  const sure = rows.some(([, row]) => !Number.isNaN(results.lower[row]));
  const level = report.meta.level ? `${100 * report.meta.level} %` : "interval";
  return (
    <div class="evc-scroller" tabIndex={0} role="region" aria-label={`Metrics of ${slice}`}>
      <table class="evc-fixed">
        <caption class="evc-hidden">
          Metrics of <Name text={slice} />
        </caption>
        <thead>
          <tr>
            <th scope="col">metric</th>
            <th scope="col" class="evc-number">{compared ? "candidate" : "value"}</th>
            {sure && <th scope="col" class="evc-number">{level}</th>}
            {compared && <th scope="col" class="evc-number">baseline</th>}
            {compared && <th scope="col" class="evc-number">change</th>}
            {compared && sure && <th scope="col" class="evc-number">{level} of change</th>}
            {compared && <th scope="col">judged</th>}
          </tr>
        </thead>
        <tbody>
          {rows.map(([one, row]) => {
            const word = clearJudgement(results.change[row], results.changeLower[row], results.changeUpper[row], one.direction);
            return (
              <tr key={one.key}>
                <th scope="row">{one.label}</th>
                <td class="evc-number">
                  {Number.isNaN(results.value[row]) ? (
                    <span class="evc-undefined">undefined: {results.reason[row] ?? "no reason on record"}</span>
                  ) : (
                    number(results.value[row])
                  )}
                </td>
                {sure && <td class="evc-number evc-quiet">{interval(results.lower[row], results.upper[row])}</td>}
                {compared && <td class="evc-number">{number(results.baseline[row])}</td>}
                {compared && <td class="evc-number">{change(results.change[row])}</td>}
                {compared && sure && <td class="evc-number evc-quiet">{interval(results.changeLower[row], results.changeUpper[row], change)}</td>}
                {compared && <td class={word ? `evc-${word}` : ""}>{word}</td>}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** All metrics of several slices, one slice beside the other: value with its interval, and the change. */
export function MetricsBeside({ slices, series }: { slices: string[]; series: Series[] }) {
  const { results } = useView();
  const rows = series.map((one) => ({ one, own: slices.map((slice) => results.row(one, slice)) })).filter(({ own }) => own.some((row) => row >= 0));
  const compared = rows.some(({ own }) => own.some((row) => row >= 0 && !Number.isNaN(results.change[row])));
  return (
    <div class="evc-scroller" tabIndex={0} role="region" aria-label="Metrics of pinned slices">
      <table class="evc-fixed">
        <caption class="evc-hidden">Metrics of pinned slices beside the overall slice</caption>
        <thead>
          <tr>
            <th scope="col">metric</th>
            {slices.map((slice) => (
              <th scope="col" class="evc-number" key={slice} title={slice}>
                <Name text={slice} most={36} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ one, own }) => (
            <tr key={one.key}>
              <th scope="row">{one.label}</th>
              {own.map((row, place) => (
                <td class="evc-number" key={slices[place]}>
                  {row < 0 ? "" : Number.isNaN(results.value[row]) ? <span class="evc-undefined">undefined: {results.reason[row] ?? "no reason on record"}</span> : number(results.value[row])}
                  {row >= 0 && !Number.isNaN(results.lower[row]) && <small class="evc-quiet"> {interval(results.lower[row], results.upper[row])}</small>}
                  {compared && row >= 0 && !Number.isNaN(results.change[row]) && (
                    <small class={`evc-${clearJudgement(results.change[row], results.changeLower[row], results.changeUpper[row], one.direction) || "quiet"}`}> {change(results.change[row])}</small>
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {compared && <p class="evc-quiet">After each value its interval, then the change from the baseline; coloured where its interval leaves out 0.</p>}
    </div>
  );
}
