// Plots of slices and models: curves, calibration, scores, and the confusion matrix at a movable threshold.

import { useMemo } from "preact/hooks";
import { type Cell, type Drawn, Plots } from "../curves";
import { count, number, percent, short } from "../format";
import { area, type Bin, gain, lift, matrixAt, type Point, precisionRecall, ratesOf, rebin, roc, wilson } from "../measures";
import { OVERALL } from "../names";
import { Check, Empty, Field, Find, Name, Select, splitOf, SplitSelect, useOwnId } from "../parts/controls";
import { below, Figure, type Palette, palette, Plot } from "../parts/figure";
import { listOf, useView } from "../view";
import { examplesOf } from "./overall";

const MOST_CLASSES = 40;
const WIDTH = 384;

export function PlotsPage() {
  const view = useView();
  const { results } = view;
  const split = splitOf(view);
  const plots = usePlots();
  const list = useOwnId();
  const known = plots.slices(split);
  const slices = listOf(view.get("slices")).filter((name) => known.includes(name));
  const shown = slices.length ? slices : known.includes(OVERALL) ? [OVERALL] : known.slice(0, 1);
  const asked = view.get("add");
  const { left_out } = view.report.meta;
  if (!known.length) return <NoPlots />;
  const show = (names: string[]) => view.set({ slices: names.length ? JSON.stringify(names) : "", add: "" });
  return (
    <>
      <h1 class="evc-hidden">Plots</h1>
      <div class="evc-controls">
        <SplitSelect />
        <Find
          label="Add a slice"
          value={asked}
          list={list}
          placeholder={`${count(known.length)} slices have plots`}
          onChange={(name) => (known.includes(name) ? show([...new Set([...shown, name])]) : view.set({ add: name }))}
        />
        <datalist id={list}>
          {known.slice(0, 1000).map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
        {shown.map((name) => (
          <span class="evc-chip" key={name}>
            <Name text={name} /> <small>{count(examplesOf(view, name))}</small>
            {shown.length > 1 && (
              <button type="button" aria-label={`Remove ${name}`} onClick={() => show(shown.filter((one) => one !== name))}>
                ×
              </button>
            )}
          </span>
        ))}
      </div>
      {asked && results.idOf(asked) >= 0 && !known.includes(asked) && (
        <p class="evc-quiet">{asked} has metrics but no plots here: plots are made for the largest slices (engine.max_plot_slices).</p>
      )}
      {left_out.plots > 0 && <p class="evc-quiet">Plots of {count(left_out.plots)} smaller slices are not in this page; plots.parquet has all.</p>}
      <PlotsOf slices={shown} />
    </>
  );
}

function NoPlots() {
  return (
    <Empty>
      No plots were asked for. Add <code>{"{class_name: ConfusionMatrixPlot}"}</code> or <code>{"{class_name: CalibrationPlot}"}</code> to the metrics of the config
      and evaluate again.
    </Empty>
  );
}

function usePlots(): Plots {
  const { report } = useView();
  return useMemo(() => new Plots(report.plots), [report]);
}

/** All plots of some slices, candidate over baseline. */
export function PlotsOf({ slices }: { slices: string[] }) {
  const view = useView();
  const plots = usePlots();
  const split = splitOf(view);
  const subjects = plots.subjects(split);
  const { candidate, baseline } = view.report.meta;
  const words = ({ output, subKey }: { output: string; subKey: string }) => [output, subKey].filter(Boolean).join(", ") || "the prediction";
  const subject = subjects.find((one) => words(one) === view.get("of")) ?? subjects[0];
  const models = baseline ? [candidate, baseline] : [candidate];
  const drawn = useMemo(
    () => (subject ? slices.flatMap((slice) => models.map((model) => plots.of(split, slice, model, subject.output, subject.subKey)).filter((one) => one !== null)) : []),
    [plots, split, slices.join("\n"), subject && words(subject)],
  );
  if (!subject) return <NoPlots />;
  return (
    <>
      {subjects.length > 1 && (
        <div class="evc-controls">
          <Select label="Of" value={words(subject)} options={subjects.map(words)} onChange={(of) => view.set({ of })} />
        </div>
      )}
      {drawn.length > 0 && <Legend drawn={drawn} />}
      <div class="evc-figures">
        <Curves drawn={drawn} />
        <Distribution drawn={drawn} />
      </div>
      <Matrices drawn={drawn} />
      {slices.slice(0, 2).map((slice) => (
        <Classes key={slice} slice={slice} cells={plots.cells(split, slice, candidate, subject.output)} output={subject.output} />
      ))}
      {!drawn.length && !slices.some((slice) => plots.cells(split, slice, candidate, subject.output).length) && <Empty>There are no plots of these slices.</Empty>}
    </>
  );
}

/** The color of a slice, and whether its line is dashed. */
function styleOf(drawn: Drawn[], one: Drawn, colors: Palette, candidate: string): { stroke: string; dash: string | undefined } {
  const slices = [...new Set(drawn.map(({ slice }) => slice))];
  if (slices.length === 1) return one.model === candidate ? { stroke: colors.candidate, dash: undefined } : { stroke: colors.baseline, dash: "5,3" };
  return { stroke: colors.others[slices.indexOf(one.slice) % colors.others.length], dash: one.model === candidate ? undefined : "5,3" };
}

function Legend({ drawn }: { drawn: Drawn[] }) {
  const { report, dark } = useView();
  const [colors, { candidate }] = [palette(dark), report.meta];
  return (
    <ul class="evc-legend" aria-label="Lines">
      {drawn.map((one) => {
        const { stroke, dash } = styleOf(drawn, one, colors, candidate);
        return (
          <li key={`${one.slice} ${one.model}`}>
            <svg width="26" height="8" aria-hidden="true">
              <line x1="0" x2="26" y1="4" y2="4" stroke={stroke} stroke-width="2.5" stroke-dasharray={dash} />
            </svg>
            {new Set(drawn.map(({ slice }) => slice)).size > 1 && (
              <>
                <Name text={one.slice} /> ·{" "}
              </>
            )}
            {one.model}
          </li>
        );
      })}
    </ul>
  );
}

function Curves({ drawn }: { drawn: Drawn[] }) {
  const view = useView();
  const { candidate } = view.report.meta;
  const threshold = Number(view.get("t", "0.5"));
  const key = drawn.map((one) => `${one.slice} ${one.model}`).join("\n");
  const withCurves = drawn.filter((one) => one.curve !== null);
  const lines = (points: (one: Drawn) => Point[]) => drawn.map((one) => [one, points(one)] as const).filter(([, found]) => found.length);
  const curves = (of: (one: Drawn) => Point[]) => (one: Drawn) => (one.curve ? of(one) : []);
  const rocs = useMemo(() => lines(curves((one) => roc(one.curve!))), [key]);
  const prs = useMemo(() => lines(curves((one) => precisionRecall(one.curve!))), [key]);
  const gains = useMemo(() => lines((one) => one.gain ?? (one.curve ? gain(one.curve) : [])), [key]);
  const lifts = useMemo(() => gains.map(([one, points]) => [one, lift(points)] as const), [gains]);
  const marker = (of: (one: Drawn) => { x: number; y: number }) => withCurves.map((one) => ({ one, ...of(one) })).filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y));
  const at = (one: Drawn) => ratesOf(matrixAt(one.curve!, threshold));
  const plot =
    (found: (readonly [Drawn, Point[]])[], x: string, y: string, extra: (colors: Palette) => Plot.Markish[], dots: { one: Drawn; x: number; y: number }[], scale: object = { domain: [0, 1] }) =>
    (colors: Palette, width: number) =>
      Plot.plot({
        width,
        height: 340,
        marginLeft: 52,
        marginBottom: 44,
        x: { ...below(x), domain: [0, 1], grid: true, ticks: 6 },
        y: { label: y, grid: true, ...scale },
        marks: [
          ...extra(colors),
          ...found.map(([one, points]) => {
            const { stroke, dash } = styleOf(drawn, one, colors, candidate);
            return Plot.line(points, { x: "x", y: "y", stroke, strokeDasharray: dash, strokeWidth: 2 });
          }),
          Plot.dot(dots, { x: "x", y: "y", r: 5, fill: colors.ground, strokeWidth: 2, stroke: ({ one }: { one: Drawn }) => styleOf(drawn, one, colors, candidate).stroke, title: ({ one }: { one: Drawn }) => `${one.slice}, ${one.model}: threshold ${threshold}` }),
        ],
      });
  const areas = (found: (readonly [Drawn, Point[]])[]) => found.map(([one, points]) => `${drawn.length > 2 ? `${short(one.slice, 24)} ` : ""}${one.model} ${number(area(points))}`).join(", ");
  return (
    <>
      {rocs.length > 0 && (
        <Figure
          title="ROC curve"
          description={`true positive rate over false positive rate; areas ${areas(rocs)}`}
          name="roc"
          width={WIDTH}
          on={[key, threshold]}
          draw={plot(rocs, "false positive rate", "true positive rate", (colors) => [Plot.line([[0, 0], [1, 1]], { stroke: colors.muted, strokeDasharray: "2,4" })], marker((one) => ({ x: at(one)["false positive rate"], y: at(one).recall })))}
          note={`Area under the plotted points: ${areas(rocs)}. The dots are at the threshold ${number(threshold)}.`}
        />
      )}
      {prs.length > 0 && (
        <Figure
          title="Precision and recall"
          description="precision over recall"
          name="precision-recall"
          width={WIDTH}
          on={[key, threshold]}
          draw={plot(prs, "recall", "precision", () => [], marker((one) => ({ x: at(one).recall, y: at(one).precision })))}
          note="Precision depends on the share of positives: compare slices with care."
        />
      )}
      <Calibration drawn={drawn} />
      {gains.length > 0 && (
        <Figure
          title="Gain"
          description="share of the positives found over the share of examples with the highest scores"
          name="gain"
          width={WIDTH}
          on={[key, threshold]}
          draw={plot(gains, "share of examples, by falling score", "share of positives found", (colors) => [Plot.line([[0, 0], [1, 1]], { stroke: colors.muted, strokeDasharray: "2,4" })], marker((one) => ({ x: at(one)["predicted positive"], y: at(one).recall })))}
        />
      )}
      {lifts.some(([, points]) => points.length) && (
        <Figure
          title="Lift"
          description="times as many positives as at random, over the share of examples with the highest scores"
          name="lift"
          width={WIDTH}
          on={[key, threshold]}
          draw={plot(lifts, "share of examples, by falling score", "lift", (colors) => [Plot.ruleY([1], { stroke: colors.muted, strokeDasharray: "2,4" })], [], { zero: true })}
        />
      )}
    </>
  );
}

function Calibration({ drawn }: { drawn: Drawn[] }) {
  const view = useView();
  const { candidate, level } = view.report.meta;
  const found = drawn.filter((one) => one.buckets !== null);
  const key = drawn.map((one) => `${one.slice} ${one.model}`).join("\n");
  const lines = useMemo(() => found.map((one) => ({ one, bins: rebin(one.buckets!, 10).filter((bin) => bin.examples > 0) })), [key]);
  if (!lines.length) return null;
  const shares = lines.every(({ bins }) => bins.every((bin) => bin.labels >= 0 && bin.labels <= bin.examples * (1 + 1e-9)));
  const points = lines.flatMap(({ one, bins }) =>
    bins.map((bin: Bin) => {
      const share = bin.labels / bin.examples;
      const [lower, upper] = shares && !one.weighted ? wilson(share, bin.examples) : [Number.NaN, Number.NaN];
      return { one, x: bin.predictions / bin.examples, y: share, lower, upper, examples: bin.examples };
    }),
  );
  const top = Math.max(...points.flatMap(({ x, y }) => [x, y]), shares ? 1 : Number.NEGATIVE_INFINITY);
  const low = Math.min(0, ...points.flatMap(({ x, y }) => [x, y]));
  return (
    <Figure
      title="Calibration"
      description="mean label over mean prediction, in ten ranges of the prediction; on the diagonal they are equal"
      name="calibration"
          width={WIDTH}
      on={[key]}
      draw={(colors, width) =>
        Plot.plot({
          width,
          height: 340,
          marginLeft: 52,
        marginBottom: 44,
          x: { ...below("mean prediction"), domain: [low, top], grid: true, ticks: 6 },
          y: { label: shares ? "share of positives" : "mean label", domain: [low, top], grid: true },
          marks: [
            Plot.line([[low, low], [top, top]], { stroke: colors.muted, strokeDasharray: "2,4" }),
            ...lines.flatMap(({ one }) => {
              const { stroke, dash } = styleOf(drawn, one, colors, candidate);
              const own = points.filter((point) => point.one === one);
              return [
                Plot.line(own, { x: "x", y: "y", stroke, strokeDasharray: dash, strokeWidth: 1.5 }),
                Plot.ruleX(own.filter((point) => !Number.isNaN(point.lower)), { x: "x", y1: "lower", y2: "upper", stroke, strokeWidth: 1.5 }),
                Plot.dot(own, { x: "x", y: "y", fill: stroke, r: 3.5, title: (point) => `${one.slice}, ${one.model}: ${count(point.examples)} examples, mean prediction ${number(point.x)}, mean label ${number(point.y)}` }),
              ];
            }),
          ],
        })
      }
      note={shares ? (found.some((one) => one.weighted) ? "Weighted examples: no intervals." : `Bars are intervals of ${level && level !== 0.95 ? "95 %, whatever the config's level" : "95 %"} (Wilson).`) : undefined}
    />
  );
}

function Distribution({ drawn }: { drawn: Drawn[] }) {
  const { report } = useView();
  const key = drawn.map((one) => `${one.slice} ${one.model}`).join("\n");
  const found = drawn.filter((one) => one.buckets !== null);
  const bins = useMemo(() => found.map((one) => ({ one, bins: rebin(one.buckets!, 40), all: one.buckets!.examples.reduce((a, b) => a + b, 0) })), [key]);
  if (!bins.length) return null;
  const binary = bins.every((entry) => entry.bins.every((bin) => bin.labels >= 0 && bin.labels <= bin.examples * (1 + 1e-9)));
  const several = bins.length > 2;
  const rows = bins.flatMap(({ one, bins: own, all }) =>
    own.flatMap((bin) => {
      const facet = several ? `${short(one.slice, 18)} · ${one.model}` : one.model;
      const base = { facet, lower: bin.lower, upper: bin.upper };
      return binary
        ? [
            { ...base, label: "negative", share: (bin.examples - bin.labels) / all },
            { ...base, label: "positive", share: bin.labels / all },
          ]
        : [{ ...base, label: "all", share: bin.examples / all }];
    }),
  );
  const facets = [...new Set(rows.map((row) => row.facet))];
  return (
    <Figure
      title="Distribution of predictions"
      description={`share of examples by prediction${binary ? ", positive and negative ones apart" : ""}; one row for each model`}
      name="scores"
          width={WIDTH}
      on={[key, report]}
      draw={(colors, width) =>
        Plot.plot({
          width,
          height: Math.max(340, 110 * facets.length),
          marginLeft: 52,
        marginBottom: 44,
          marginRight: 30,
          x: below("prediction"),
          y: { label: "share of examples", grid: true, tickFormat: "%", ticks: 4 },
          fy: { label: null, domain: facets, tickFormat: () => "" },
          color: { domain: ["negative", "positive", "all"], range: [colors.baseline, colors.candidate, colors.candidate], legend: false },
          marks: [
            Plot.rectY(rows, { x1: "lower", x2: "upper", y: "share", fy: "facet", fill: "label", inset: 0.4 }),
            Plot.ruleY([0], { stroke: colors.muted }),
            Plot.text(facets, { fy: (facet) => facet, text: (facet) => facet, frameAnchor: "top-right", dy: 4 }),
          ],
        })
      }
      note={binary ? "Blue: positive examples, orange: negative ones, one on the other." : undefined}
    />
  );
}

function Matrices({ drawn }: { drawn: Drawn[] }) {
  const view = useView();
  const found = drawn.filter((one) => one.curve !== null);
  if (!found.length) return null;
  const thresholds = [...found[0].curve!.threshold].filter(Number.isFinite);
  const [low, high] = [Math.min(0, Math.ceil(thresholds[0] ?? 0)), Math.max(1, thresholds.at(-1) ?? 1)];
  const threshold = Number(view.get("t", "0.5"));
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
        <span class="evc-quiet">Predictions above it are positive. Between two thresholds of the plot the matrix is that of the lower one.</span>
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
                      {Number.isNaN(rate) ? <span class="evc-undefined">undefined</span> : number(rate)}
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

function Classes({ slice, cells, output }: { slice: string; cells: Cell[]; output: string }) {
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
  const size = Math.min(900, 160 + 26 * classes.length);
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
          width={size}
          on={[cells, share]}
          draw={(colors, width) =>
            Plot.plot({
              width,
              height: size - 40,
              marginLeft: 120,
              marginBottom: 90,
              x: { label: "predicted", domain: classes, tickFormat: (one: number) => short(name(one), 14), tickRotate: -45 },
              y: { label: "actual", domain: classes.filter((one) => one >= 0), tickFormat: (one: number) => short(name(one), 16) },
              color: { range: [colors.ground, colors.candidate], domain: [0, share ? 1 : Math.max(...own.map((cell) => cell.weight))] },
              marks: [
                Plot.cell(own, { x: "predicted", y: "actual", fill: value, inset: 0.5, title: (cell: Cell) => `${name(cell.actual)} predicted as ${name(cell.predicted)}: ${count(cell.weight)} (${percent(cell.weight / (totals.get(cell.actual) ?? Number.NaN))})` }),
                ...(classes.length <= 15 ? [Plot.text(own, { x: "predicted", y: "actual", text: (cell: Cell) => (share ? percent(value(cell), 0) : count(cell.weight)), fill: (cell: Cell) => (value(cell) > 0.5 * (share ? 1 : Math.max(...own.map((one) => one.weight))) ? colors.ground : colors.ink) })] : []),
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
