// Figures of curves, calibration and predictions, candidate over baseline.

import { useMemo } from "preact/hooks";
import type { Drawn } from "../curves";
import { count, number, percent, short, ticks } from "../format";
import { area, type Bin, gain, lift, matrixAt, type Point, precisionRecall, ratesOf, rebin, roc, wilson } from "../measures";
import { numberOf, useView } from "../view";
import { Name } from "./controls";
import { below, Figure, type Palette, palette, Plot } from "./figure";

const WIDTH = 384;

/** The color of a slice, and whether its line is dashed. */
function styleOf(drawn: Drawn[], one: Drawn, colors: Palette, candidate: string): { stroke: string; dash: string | undefined } {
  const slices = [...new Set(drawn.map(({ slice }) => slice))];
  if (slices.length === 1) return one.model === candidate ? { stroke: colors.candidate, dash: undefined } : { stroke: colors.baseline, dash: "5,3" };
  return { stroke: colors.others[slices.indexOf(one.slice) % colors.others.length], dash: one.model === candidate ? undefined : "5,3" };
}

export function Legend({ drawn }: { drawn: Drawn[] }) {
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

export function Curves({ drawn }: { drawn: Drawn[] }) {
  const view = useView();
  const { candidate } = view.report.meta;
  const threshold = numberOf(view.get("t"), 0.5);
  const withCurves = drawn.filter((one) => one.curve !== null);
  const lines = (points: (one: Drawn) => Point[]) => drawn.map((one) => [one, points(one)] as const).filter(([, found]) => found.length);
  const curves = (of: (one: Drawn) => Point[]) => (one: Drawn) => (one.curve ? of(one) : []);
  const rocs = useMemo(() => lines(curves((one) => roc(one.curve!))), [drawn]);
  const prs = useMemo(() => lines(curves((one) => precisionRecall(one.curve!))), [drawn]);
  const gains = useMemo(() => lines((one) => one.gain ?? (one.curve ? gain(one.curve) : [])), [drawn]);
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
          ...behind(found, ([one]) => one.model === candidate).map(([one, points]) => {
            const { stroke, dash } = styleOf(drawn, one, colors, candidate);
            return Plot.line(points, { x: "x", y: "y", stroke, strokeDasharray: dash, strokeWidth: 2 });
          }),
          Plot.dot(behind(dots, ({ one }) => one.model === candidate), { x: "x", y: "y", r: 5, fill: colors.ground, strokeWidth: 2, stroke: ({ one }: { one: Drawn }) => styleOf(drawn, one, colors, candidate).stroke, title: ({ one }: { one: Drawn }) => `${one.slice}, ${one.model}: threshold ${threshold}` }),
        ],
      });
  const legend = linesOf(drawn, candidate, view.dark);
  const areas = (found: (readonly [Drawn, Point[]])[]) => found.map(([one, points]) => `${drawn.length > 2 ? `${short(one.slice, 24)} ` : ""}${one.model} ${number(area(points))}`).join(", ");
  return (
    <>
      {rocs.length > 0 && (
        <Figure
          title="ROC curve"
          description={`true positive rate over false positive rate; areas ${areas(rocs)}`}
          name="roc"
          width={WIDTH}
          legend={legend}
          on={[drawn, threshold]}
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
          legend={legend}
          on={[drawn, threshold]}
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
          legend={legend}
          on={[drawn, threshold]}
          draw={plot(gains, "share of examples, by falling score", "share of positives found", (colors) => [Plot.line([[0, 0], [1, 1]], { stroke: colors.muted, strokeDasharray: "2,4" })], marker((one) => ({ x: at(one)["predicted positive"], y: at(one).recall })))}
        />
      )}
      {withCurves.length > 0 && !rocs.length && <p class="evc-quiet">ROC, precision, gain and lift need positive and negative examples; here one of them is missing.</p>}
      {lifts.some(([, points]) => points.length) && (
        <Figure
          title="Lift"
          description="times as many positives as at random, over the share of examples with the highest scores"
          name="lift"
          width={WIDTH}
          legend={legend}
          on={[drawn, threshold]}
          draw={plot(lifts, "share of examples, by falling score", "lift", (colors) => [Plot.ruleY([1], { stroke: colors.muted, strokeDasharray: "2,4" })], [], { zero: true })}
        />
      )}
    </>
  );
}

/** Those that are drawn first, then those that must not be hidden by them. */
function behind<T>(all: readonly T[], isAbove: (one: T) => boolean): T[] {
  return [...all.filter((one) => !isAbove(one)), ...all.filter(isAbove)];
}

/** What the lines are, as the downloads say it. */
function linesOf(drawn: Drawn[], candidate: string, dark: boolean): { label: string; color: string; dash?: string }[] {
  return drawn.map((one) => {
    const { stroke, dash } = styleOf(drawn, one, palette(dark), candidate);
    return { label: `${short(one.slice, 44)} · ${one.model}`, color: stroke, dash };
  });
}

function Calibration({ drawn }: { drawn: Drawn[] }) {
  const view = useView();
  const { candidate, level } = view.report.meta;
  const found = drawn.filter((one) => one.buckets !== null);
  const lines = useMemo(() => found.map((one) => ({ one, bins: rebin(one.buckets!, 10).filter((bin) => bin.examples > 0) })), [drawn]);
  if (!lines.length) return null;
  const shares = lines.every(({ bins }) => bins.every((bin) => bin.labels >= 0 && bin.labels <= bin.examples * (1 + 1e-9)));
  const points = lines.flatMap(({ one, bins }) =>
    bins.map((bin: Bin) => {
      const share = bin.labels / bin.examples;
      const [lower, upper] = shares && !one.weighted ? wilson(share, bin.examples) : [Number.NaN, Number.NaN];
      return { one, x: bin.predictions / bin.examples, y: share, lower, upper, examples: bin.examples };
    }),
  );
  const legend = linesOf(drawn, candidate, view.dark);
  const top = Math.max(...points.flatMap(({ x, y }) => [x, y]), shares ? 1 : Number.NEGATIVE_INFINITY);
  const low = Math.min(0, ...points.flatMap(({ x, y }) => [x, y]));
  return (
    <Figure
      title="Calibration"
      description="mean label over mean prediction, in ten ranges of the prediction; on the diagonal they are equal"
      name="calibration"
          width={WIDTH}
          legend={legend}
      on={[drawn]}
      draw={(colors, width) =>
        Plot.plot({
          width,
          height: 340,
          marginLeft: 52,
        marginBottom: 44,
          x: { ...below("mean prediction"), domain: [low, top], grid: true, ticks: 6, tickFormat: ticks(low, top) },
          y: { label: shares ? "share of positives" : "mean label", domain: [low, top], grid: true, tickFormat: ticks(low, top) },
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

export function Distribution({ drawn }: { drawn: Drawn[] }) {
  const found = drawn.filter((one) => one.buckets !== null);
  const bins = useMemo(() => found.map((one) => ({ one, bins: rebin(one.buckets!, 40), all: one.buckets!.examples.reduce((a, b) => a + b, 0) })), [drawn]);
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
  const outside = bins.map(({ one, all }) => one.buckets!.examples.reduce((sum, examples, i) => sum + (Number.isFinite(one.buckets!.lower[i]) && Number.isFinite(one.buckets!.upper[i]) ? 0 : examples), 0) / all);
  const most = Math.max(...outside);
  if (most > 0.5) return <p class="evc-quiet">{percent(most)} of the predictions are outside of the range of the plot: give CalibrationPlot the options left and right, so that it holds them.</p>;
  return (
    <Figure
      title="Distribution of predictions"
      description={`share of examples by prediction${binary ? ", positive and negative ones apart" : ""}; one row for each model`}
      name="scores"
          width={WIDTH}
      on={[drawn]}
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
      note={`${binary ? "Blue: positive examples, orange: negative ones, one on the other. " : ""}${most > 0.001 ? `Up to ${percent(most)} of the predictions are outside of the plot's range and stand in its first and last bar.` : ""}`}
    />
  );
}
