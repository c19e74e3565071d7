// Curves and rates from counts: pure functions.

/** Confusion matrices at rising thresholds; a prediction above the threshold is positive. */
export interface Curve {
  threshold: Float64Array;
  tp: Float64Array;
  fp: Float64Array;
  tn: Float64Array;
  fn: Float64Array;
}

export interface Buckets {
  lower: Float64Array;
  upper: Float64Array;
  examples: Float64Array;
  labels: Float64Array;
  predictions: Float64Array;
}

export interface Matrix {
  tp: number;
  fp: number;
  tn: number;
  fn: number;
}

export interface Point {
  x: number;
  y: number;
  threshold: number;
}

/** Whether the labels of buckets can be counts of positives. */
export function isBinary(buckets: Buckets): boolean {
  return buckets.labels.every((labels, i) => labels >= 0 && labels <= buckets.examples[i] * (1 + 1e-9));
}

/** The matrices between buckets; what stands above the edge between two of them is positive. */
export function curveOfBuckets(buckets: Buckets): Curve {
  const size = buckets.lower.length + 1;
  const curve = { threshold: new Float64Array(size), tp: new Float64Array(size), fp: new Float64Array(size), tn: new Float64Array(size), fn: new Float64Array(size) };
  for (let i = size - 2; i >= 0; i--) {
    curve.tp[i] = curve.tp[i + 1] + buckets.labels[i];
    curve.fp[i] = curve.fp[i + 1] + (buckets.examples[i] - buckets.labels[i]);
  }
  for (let i = 0; i < size; i++) {
    curve.threshold[i] = i < size - 1 ? buckets.lower[i] : buckets.upper[i - 1];
    curve.fn[i] = curve.tp[0] - curve.tp[i];
    curve.tn[i] = curve.fp[0] - curve.fp[i];
  }
  return curve;
}

/** The matrix at a threshold: that of the highest threshold of the curve that is not above it. */
export function matrixAt(curve: Curve, threshold: number): Matrix {
  let low = 0;
  let high = curve.threshold.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (curve.threshold[middle] <= threshold) low = middle;
    else high = middle - 1;
  }
  return { tp: curve.tp[low], fp: curve.fp[low], tn: curve.tn[low], fn: curve.fn[low] };
}

/** The rates of a confusion matrix; NaN where nothing is divided by nothing. */
export function ratesOf({ tp, fp, tn, fn }: Matrix): Record<string, number> {
  const over = (a: number, b: number) => (b ? a / b : Number.NaN);
  const all = tp + fp + tn + fn;
  return {
    accuracy: over(tp + tn, all),
    precision: over(tp, tp + fp),
    recall: over(tp, tp + fn),
    specificity: over(tn, tn + fp),
    "false positive rate": over(fp, fp + tn),
    "F1 score": over(2 * tp, 2 * tp + fp + fn),
    "Matthews correlation": over(tp * tn - fp * fn, Math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))),
    "predicted positive": over(tp + fp, all),
    "actual positive": over(tp + fn, all),
  };
}

const totals = (curve: Curve) => ({
  positives: curve.tp[0] + curve.fn[0],
  negatives: curve.fp[0] + curve.tn[0],
});

/** Points of the ROC curve, from (0, 0) to (1, 1); none where a class is missing. */
export function roc(curve: Curve): Point[] {
  const { positives, negatives } = totals(curve);
  if (!positives || !negatives) return [];
  const points = [{ x: 0, y: 0, threshold: Number.POSITIVE_INFINITY }];
  for (let i = curve.threshold.length - 1; i >= 0; i--) {
    points.push({ x: curve.fp[i] / negatives, y: curve.tp[i] / positives, threshold: curve.threshold[i] });
  }
  points.push({ x: 1, y: 1, threshold: Number.NEGATIVE_INFINITY });
  return distinct(points);
}

/** Precision over recall; no point where nothing is predicted positive. */
export function precisionRecall(curve: Curve): Point[] {
  const { positives } = totals(curve);
  if (!positives) return [];
  const points: Point[] = [];
  for (let i = curve.threshold.length - 1; i >= 0; i--) {
    const predicted = curve.tp[i] + curve.fp[i];
    if (predicted) points.push({ x: curve.tp[i] / positives, y: curve.tp[i] / predicted, threshold: curve.threshold[i] });
  }
  if (points.length) points.unshift({ ...points[0], x: 0 });
  return distinct(points);
}

/** The share of the positives found, over the share of all examples predicted positive. */
export function gain(curve: Curve): Point[] {
  const { positives, negatives } = totals(curve);
  if (!positives) return [];
  const points = [{ x: 0, y: 0, threshold: Number.POSITIVE_INFINITY }];
  for (let i = curve.threshold.length - 1; i >= 0; i--) {
    points.push({
      x: (curve.tp[i] + curve.fp[i]) / (positives + negatives),
      y: curve.tp[i] / positives,
      threshold: curve.threshold[i],
    });
  }
  points.push({ x: 1, y: 1, threshold: Number.NEGATIVE_INFINITY });
  return distinct(points);
}

/** How many times as many positives as at random are among the examples predicted positive. */
export function lift(points: Point[]): Point[] {
  return points.filter((point) => point.x > 0).map((point) => ({ ...point, y: point.y / point.x }));
}

function distinct(points: Point[]): Point[] {
  return points.filter((point, i) => !i || point.x !== points[i - 1].x || point.y !== points[i - 1].y);
}

/** The area under points by trapezoids. */
export function area(points: Point[]): number {
  let total = 0;
  for (let i = 1; i < points.length; i++) total += ((points[i].x - points[i - 1].x) * (points[i].y + points[i - 1].y)) / 2;
  return points.length ? total : Number.NaN;
}

export interface Bin {
  lower: number;
  upper: number;
  examples: number;
  labels: number;
  predictions: number;
}

/** Buckets in a number of bins of equal width between the finite ends of theirs; what is outside is in the outermost. */
export function rebin(buckets: Buckets, bins: number): Bin[] {
  const inner: number[] = [];
  buckets.lower.forEach((_, i) => {
    if (Number.isFinite(buckets.lower[i]) && Number.isFinite(buckets.upper[i])) inner.push(i);
  });
  const low = inner.length ? Math.min(0, ...inner.map((i) => buckets.lower[i])) : 0;
  const high = inner.length ? Math.max(...inner.map((i) => buckets.upper[i]), low + 1e-9) : 1;
  const top = low === 0 && high <= 1 ? 1 : high;
  const width = (top - low) / bins;
  const result = Array.from({ length: bins }, (_, i) => ({
    lower: low + i * width,
    upper: low + (i + 1) * width,
    examples: 0,
    labels: 0,
    predictions: 0,
  }));
  buckets.lower.forEach((lower, i) => {
    const middle = Number.isFinite(lower) && Number.isFinite(buckets.upper[i]) ? (lower + buckets.upper[i]) / 2 : lower === Number.NEGATIVE_INFINITY ? low : top;
    const bin = result[Math.min(bins - 1, Math.max(0, Math.floor((middle - low) / width)))];
    bin.examples += buckets.examples[i];
    bin.labels += buckets.labels[i];
    bin.predictions += buckets.predictions[i];
  });
  return result;
}

/** The buckets between the thresholds of a curve, with the middle as prediction. */
export function bucketsOfCurve(curve: Curve): Buckets {
  const size = curve.threshold.length;
  const make = () => new Float64Array(size);
  const buckets = { lower: make(), upper: make(), examples: make(), labels: make(), predictions: make() };
  for (let i = 0; i < size; i++) {
    const last = i === size - 1;
    const positives = curve.tp[i] - (last ? 0 : curve.tp[i + 1]);
    const negatives = curve.fp[i] - (last ? 0 : curve.fp[i + 1]);
    buckets.lower[i] = Math.max(0, curve.threshold[i]);
    buckets.upper[i] = last ? Math.max(1, curve.threshold[i]) : curve.threshold[i + 1];
    buckets.labels[i] = positives;
    buckets.examples[i] = positives + negatives;
    buckets.predictions[i] = (buckets.examples[i] * (buckets.lower[i] + buckets.upper[i])) / 2;
  }
  return buckets;
}

/** The limits of a share. (Wilson 1927) */
export function wilson(share: number, trials: number, z = 1.959964): [number, number] {
  if (!trials) return [Number.NaN, Number.NaN];
  const square = z * z;
  const middle = (share + square / (2 * trials)) / (1 + square / trials);
  const reach = (z / (1 + square / trials)) * Math.sqrt((share * (1 - share)) / trials + square / (4 * trials * trials));
  return [Math.max(0, middle - reach), Math.min(1, middle + reach)];
}

/** Equal bins over values, for a histogram. */
export function histogram(values: number[], weights: number[], bins: number): { lower: number; upper: number; total: number }[] {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const width = (high - low || Math.abs(high) * 0.1 || 1) / bins;
  const start = high === low ? low - (width * bins) / 2 : low;
  const found = Array.from({ length: bins }, (_, i) => ({ lower: start + i * width, upper: start + (i + 1) * width, total: 0 }));
  values.forEach((value, i) => {
    found[Math.min(bins - 1, Math.max(0, Math.floor((value - start) / width)))].total += weights[i];
  });
  return found;
}
