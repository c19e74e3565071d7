// Confusion matrices: of two classes at a threshold that can be moved, and of several classes.

import { useMemo } from "preact/hooks";
import type { Cell, Drawn } from "../curves";
import { count, number, percent, short } from "../format";
import { matrixAt, ratesOf } from "../measures";
import { numberOf, useView } from "../view";
import { Check, Field, Name } from "./controls";
import { Figure, Plot } from "./figure";

const MOST_CLASSES = 40;

export function Matrices({ drawn }: { drawn: Drawn[] }) {
  const view = useView();
  const found = drawn.filter((one) => one.curve !== null);
  if (!found.length) return null;
  const thresholds = [...found[0].curve!.threshold].filter(Number.isFinite);
  const [low, high] = [Math.min(0, Math.ceil(thresholds[0] ?? 0)), Math.max(1, thresholds.at(-1) ?? 1)];
  const threshold = numberOf(view.get("t"), 0.5);
  const matrices = found.map((one) => ({ one, matrix: matrixAt(one.curve!, threshold) }));
  const names = Object.keys(ratesOf(matrices[0].matrix));
  return (
    <section aria-label="Confusion matrix at a threshold">
      <h2>At a threshold</h2>
      <div class="evc-controls">
        <Field label="Threshold">
          {(id) => <input id={id} class="evc-wide" type="range" min={low} max={high} step={(high - low) / 1000} value={threshold} onInput={(event) => view.set({ t: event.currentTarget.value })} />}
        </Field>
        <Field label="or exactly">{(id) => <input id={id} type="number" step="any" value={threshold} onChange={(event) => view.set({ t: event.currentTarget.value })} />}</Field>
        <span class="evc-quiet">{found.some((one) => one.weighted) && "Examples count by their weights. "}Predictions above it are positive. Between two thresholds of the plot the matrix is that of the lower one.</span>
      </div>
      <div class="evc-figures">
        {matrices.map(({ one, matrix }) => {
          const all = matrix.tp + matrix.fp + matrix.tn + matrix.fn;
          const cell = (value: number, kind: string) => (
            <td class="evc-cell" data-cell={kind} style={{ "--share": String(all ? value / all : 0) }}>
              <strong>{count(Math.round(value * 1e6) / 1e6)}</strong>
              <small>{percent(all ? value / all : Number.NaN)}</small>
            </td>
          );
          return (
            <table class="evc-matrix" key={`${one.slice} ${one.model}`}>
              <caption>
                <Name text={one.slice} /> · {one.model}
              </caption>
              <thead>
                <tr>
                  <td />
                  <th scope="col">predicted positive</th>
                  <th scope="col">predicted negative</th>
                </tr>
              </thead>
              <tbody>
                <tr>
                  <th scope="row">positive</th>
                  {cell(matrix.tp, "tp")}
                  {cell(matrix.fn, "fn")}
                </tr>
                <tr>
                  <th scope="row">negative</th>
                  {cell(matrix.fp, "fp")}
                  {cell(matrix.tn, "tn")}
                </tr>
              </tbody>
            </table>
          );
        })}
      </div>
      <div class="evc-scroller" tabIndex={0} role="region" aria-label="Rates at the threshold">
        <table class="evc-fixed">
          <caption class="evc-hidden">Rates at the threshold {number(threshold)}</caption>
          <thead>
            <tr>
              <th scope="col">at {number(threshold)}</th>
              {matrices.map(({ one }) => (
                <th scope="col" class="evc-number" key={`${one.slice} ${one.model}`}>
                  <Name text={short(one.slice, 28)} /> · {one.model}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {names.map((name) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                {matrices.map(({ one, matrix }) => {
                  const rate = ratesOf(matrix)[name];
                  return (
                    <td class="evc-number" key={`${one.slice} ${one.model}`}>
                      {Number.isNaN(rate) ? <span class="evc-undefined">undefined: nothing to divide by</span> : number(rate)}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

export function Classes({ slice, cells, output }: { slice: string; cells: Cell[]; output: string }) {
  const view = useView();
  const threshold = cells[0]?.threshold;
  const own = cells.filter((cell) => cell.threshold === threshold);
  const share = view.get("share", "1") === "1";
  const names = view.report.meta.classes[output] ?? Object.values(view.report.meta.classes)[0] ?? [];
  const name = (number: number) => (number < 0 ? "none" : (names[number] ?? String(number)));
  const classes = useMemo(() => [...new Set(own.flatMap((cell) => [cell.actual, cell.predicted]))].sort((a, b) => a - b), [cells]);
  const totals = useMemo(() => {
    const found = new Map<number, number>();
    for (const cell of own) found.set(cell.actual, (found.get(cell.actual) ?? 0) + cell.weight);
    return found;
  }, [cells]);
  if (!own.length) return null;
  const value = (cell: Cell) => (share ? cell.weight / (totals.get(cell.actual) ?? Number.NaN) : cell.weight);
  const wrong = own.filter((cell) => cell.actual !== cell.predicted).sort((a, b) => b.weight - a.weight).slice(0, 15);
  const side = classes.length <= 15 ? 64 : 30;
  const size = 240 + side * classes.length;
  return (
    <section>
      <h2>
        Classes of <Name text={slice} /> <small>{count(classes.length)}</small>
      </h2>
      <div class="evc-controls">
        <Check label="Shares of the actual class" checked={share} onChange={(on) => view.set({ share: on ? "1" : "0" })} />
      </div>
      {classes.length <= MOST_CLASSES ? (
        <Figure
          title="Confusion matrix"
          description={`${classes.length} classes; the largest confusions are in the table below`}
          name="confusion-matrix"
          width={Math.max(420, size)}
          on={[cells, share]}
          draw={(colors, width) =>
            Plot.plot({
              width,
              height: 150 + side * classes.length,
              marginLeft: 150,
              marginTop: 30,
              marginBottom: 120,
              x: { type: "band", label: "predicted", labelAnchor: "center", labelOffset: 112, domain: classes, tickFormat: (one: number) => short(name(one), 16), tickRotate: -45 },
              y: { type: "band", label: "actual", labelAnchor: "top", domain: classes.filter((one) => one >= 0), tickFormat: (one: number) => short(name(one), 20) },
              color: { range: [colors.ground, colors.soft], domain: [0, share ? 1 : Math.max(...own.map((cell) => cell.weight))] },
              marks: [
                Plot.cell(own, { x: "predicted", y: "actual", fill: value, inset: 0.5, title: (cell: Cell) => `${name(cell.actual)} predicted as ${name(cell.predicted)}: ${count(cell.weight)} (${percent(cell.weight / (totals.get(cell.actual) ?? Number.NaN))})` }),
                ...(classes.length <= 15 ? [Plot.text(own, { x: "predicted", y: "actual", text: (cell: Cell) => (share ? percent(value(cell), 0) : count(cell.weight)), fill: colors.ink })] : []),
              ],
            })
          }
        />
      ) : (
        <p class="evc-quiet">{count(classes.length)} classes are too many for a picture; these are the largest confusions.</p>
      )}
      <div class="evc-scroller" tabIndex={0} role="region" aria-label="The largest confusions">
        <table class="evc-fixed">
          <caption>The largest confusions</caption>
          <thead>
            <tr>
              <th scope="col">actual</th>
              <th scope="col">predicted</th>
              <th scope="col" class="evc-number">examples</th>
              <th scope="col" class="evc-number">of the actual class</th>
            </tr>
          </thead>
          <tbody>
            {wrong.map((cell) => (
              <tr key={`${cell.actual} ${cell.predicted}`}>
                <th scope="row">{name(cell.actual)}</th>
                <td>{name(cell.predicted)}</td>
                <td class="evc-number">{count(cell.weight)}</td>
                <td class="evc-number">{percent(cell.weight / (totals.get(cell.actual) ?? Number.NaN))}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
