// The table of plots as curves, by slice and model.

import type { Columns, Texts } from "./document";
import { bucketsOfCurve, type Buckets, type Curve, curveOfBuckets, isBinary, type Point } from "./measures";

/** One plot of one slice and model: a range of rows. */
export interface PlotRows {
  split: string;
  slice: string;
  model: string;
  output: string;
  subKey: string;
  plot: string;
  type: string;
  weighted: boolean;
  start: number;
  stop: number;
}

/** What is drawn of one slice and model. */
export interface Drawn {
  slice: string;
  model: string;
  curve: Curve | null;
  buckets: Buckets | null;
  gain: Point[] | null;
  weighted: boolean;
}

export interface Cell {
  actual: number;
  predicted: number;
  weight: number;
  threshold: number;
}

const CURVES = ["ConfusionMatrixPlot", "ConfusionMatrixAtThresholds", "ObjectDetectionConfusionMatrixPlot"];
const BUCKETS = ["CalibrationPlot", "ReliabilityDiagram"];
const MATRICES = ["MultiClassConfusionMatrixPlot", "MultiClassConfusionMatrixAtThresholds", "MultiLabelConfusionMatrixPlot"];

export class Plots {
  readonly parts: PlotRows[] = [];
  private readonly numbers = new Map<string, Float64Array>();

  constructor(private readonly columns: Columns) {
    const texts = ["split", "slice", "model", "output", "sub_key", "plot", "plot_type"].map((name): Texts => columns.texts(name));
    const weighted = columns.flags("weighted");
    let last: PlotRows | null = null;
    for (let row = 0; row < columns.length; row++) {
      if (!last || texts.slice(0, 6).some((text) => text[row] !== text[row - 1])) {
        const [split, slice, model, output, subKey, plot, type] = texts.map((text) => text[row] ?? "");
        last = { split, slice, model, output, subKey, plot, type, weighted: weighted[row], start: row, stop: row };
        this.parts.push(last);
      }
      last.stop = row + 1;
    }
  }

  /** The kinds of results there are plots of: outputs with their classes. */
  subjects(split: string): { output: string; subKey: string }[] {
    const found = new Map<string, { output: string; subKey: string }>();
    for (const { split: own, output, subKey } of this.parts) if (own === split) found.set(`${output}|${subKey}`, { output, subKey });
    return [...found.values()];
  }

  slices(split: string): string[] {
    return [...new Set(this.parts.filter((part) => part.split === split).map((part) => part.slice))];
  }

  /** What can be drawn of a slice and a model: the finest plot of each kind. */
  of(split: string, slice: string, model: string, output: string, subKey: string): Drawn | null {
    const own = this.parts.filter((part) => part.split === split && part.slice === slice && part.model === model && part.output === output && part.subKey === subKey);
    const finest = (types: string[]) => own.filter((part) => types.includes(part.type)).sort((a, b) => types.indexOf(a.type) - types.indexOf(b.type))[0];
    const [matrices, counted, gained] = [finest(CURVES), finest(BUCKETS), finest(["GainLiftPlot"])];
    let buckets = counted ? this.buckets(counted) : null;
    let curve = matrices ? this.curve(matrices) : buckets && isBinary(buckets) ? curveOfBuckets(buckets) : null;
    if (curve && !(curve.tp[0] + curve.fp[0] + curve.tn[0] + curve.fn[0])) curve = null; // no example counts
    if (buckets && !buckets.examples.some((examples) => examples > 0)) buckets = null;
    if (!buckets && curve) buckets = bucketsOfCurve(curve);
    const gain = gained ? this.gain(gained) : null;
    return curve || buckets || gain ? { slice, model, curve, buckets, gain, weighted: (matrices ?? counted ?? gained).weighted } : null;
  }

  /** The confusion matrices of several classes, of the lowest threshold first. */
  cells(split: string, slice: string, model: string, output: string): Cell[] {
    const part = this.parts.find((one) => one.split === split && one.slice === slice && one.model === model && one.output === output && MATRICES.includes(one.type));
    if (!part) return [];
    const [actual, predicted, weight, tp, threshold] = ["actual_class", "predicted_class", "weighted_examples", "true_positives", "lower"].map((name) => this.column(name));
    const cells: Cell[] = [];
    for (let row = part.start; row < part.stop; row++) {
      cells.push({ actual: actual[row], predicted: predicted[row], weight: Number.isNaN(weight[row]) ? tp[row] : weight[row], threshold: threshold[row] });
    }
    return cells;
  }

  private curve(part: PlotRows): Curve {
    const [threshold, tp, fp, tn, fn] = ["lower", "true_positives", "false_positives", "true_negatives", "false_negatives"].map((name) => this.column(name).slice(part.start, part.stop));
    return { threshold, tp, fp, tn, fn };
  }

  private buckets(part: PlotRows): Buckets {
    const [lower, upper, examples, labels, predictions] = ["lower", "upper", "weighted_examples", "weighted_labels", "weighted_predictions"].map((name) => this.column(name).slice(part.start, part.stop));
    return { lower, upper, examples, labels, predictions };
  }

  private gain(part: PlotRows): Point[] {
    const [share, labels] = ["lower", "weighted_labels"].map((name) => this.column(name).slice(part.start, part.stop));
    const all = labels.at(-1) ?? 0;
    return all ? Array.from(share, (x, i) => ({ x, y: labels[i] / all, threshold: Number.NaN })) : [];
  }

  private column(name: string): Float64Array {
    const found = this.numbers.get(name) ?? this.columns.numbers(name);
    this.numbers.set(name, found);
    return found;
  }
}
