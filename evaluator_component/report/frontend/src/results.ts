// The metric table as series: one per split and result, each with the rows of its slices.

import type { Columns, Meta, Texts } from "./document";
import { featuresOf, parsePair } from "./names";

/** One result: the values of a metric over the slices. */
export interface Series {
  key: string;
  label: string;
  split: string;
  metric: string;
  output: string;
  subKey: string;
  weighted: boolean;
  direction: string | null;
  start: number;
  stop: number;
}

export interface Slice {
  name: string;
  features: string | null;
  isPair: boolean;
}

/** The metric table. */
export class Results {
  readonly series: Series[] = [];
  readonly slices: Slice[] = [];
  readonly value: Float64Array;
  readonly n: Float64Array;
  readonly weightedN: Float64Array;
  readonly stdError: Float64Array;
  readonly lower: Float64Array;
  readonly upper: Float64Array;
  readonly baseline: Float64Array;
  readonly baselineLower: Float64Array;
  readonly baselineUpper: Float64Array;
  readonly change: Float64Array;
  readonly changeLower: Float64Array;
  readonly changeUpper: Float64Array;
  readonly reason: Texts;
  private readonly order: Float64Array;
  private readonly rows = new Map<string, Int32Array>();
  private readonly ids = new Map<string, number>();

  constructor(metrics: Columns, meta: Meta) {
    const [split, name, metric, output, subKey, direction] = ["split", "slice", "metric", "output", "sub_key", "direction"].map(
      (column) => metrics.texts(column),
    );
    const weighted = metrics.flags("weighted");
    this.value = metrics.numbers("value");
    this.n = metrics.numbers("n");
    this.weightedN = metrics.numbers("weighted_n");
    this.stdError = metrics.numbers("std_error");
    this.lower = metrics.numbers("lower");
    this.upper = metrics.numbers("upper");
    this.baseline = metrics.numbers("baseline_value");
    this.baselineLower = metrics.numbers("baseline_lower");
    this.baselineUpper = metrics.numbers("baseline_upper");
    this.change = metrics.numbers("change");
    this.changeLower = metrics.numbers("change_lower");
    this.changeUpper = metrics.numbers("change_upper");
    this.reason = metrics.texts("reason");
    this.order = metrics.numbers("order");
    const [how, changeHow] = [metrics.texts("interval_method"), metrics.texts("change_interval_method")];
    for (let row = 0; row < metrics.length; row++) {
      // Numbers of examples and the like are no estimates.
      if (how[row] === "exact") this.lower[row] = this.upper[row] = Number.NaN;
      if (changeHow[row] === "exact") this.changeLower[row] = this.changeUpper[row] = Number.NaN;
    }
    const both = new Set<string>();
    let series: Series | null = null;
    for (let row = 0; row < metrics.length; row++) {
      const key = [metric[row], output[row], subKey[row], weighted[row] ? "w" : ""].join("|");
      if (!series || series.key !== key || series.split !== split[row]) {
        series = {
          key,
          label: "",
          split: split[row] ?? "",
          metric: metric[row] ?? "",
          output: output[row] ?? "",
          subKey: subKey[row] ?? "",
          weighted: weighted[row],
          direction: null,
          start: row,
          stop: row,
        };
        this.series.push(series);
      }
      series.stop = row + 1;
      series.direction ??= direction[row];
      const id = this.order[row];
      if (!this.slices[id]) {
        const text = name[row] ?? "";
        const isPair = parsePair(text) !== null;
        this.slices[id] = { name: text, features: isPair ? null : featuresOf(text), isPair };
        this.ids.set(text, id);
      }
    }
    for (const one of this.series) {
      const twin = this.series.some((other) => other.metric === one.metric && other.weighted !== one.weighted);
      if (twin) both.add(one.metric);
    }
    for (const one of this.series) {
      const details = [one.output, one.subKey, one.weighted && both.has(one.metric) ? "weighted" : ""].filter(Boolean);
      one.label = details.length ? `${one.metric} (${details.join(", ")})` : one.metric;
    }
    const ranks = new Map(meta.splits.map((one, i) => [one, i]));
    this.series.sort((a, b) => (ranks.get(a.split) ?? 0) - (ranks.get(b.split) ?? 0) || a.start - b.start);
  }

  get hasBaseline(): boolean {
    return this.baseline.some((value) => !Number.isNaN(value)) || this.change.some((value) => !Number.isNaN(value));
  }

  /** The results of a split; those that only say how many examples there are come last. */
  of(split: string): Series[] {
    return this.series.filter((one) => one.split === split);
  }

  find(split: string, key: string): Series | undefined {
    return this.series.find((one) => one.split === split && one.key === key);
  }

  /** By slice the row of a series, −1 where it has none. */
  rowsOf(series: Series): Int32Array {
    const cached = this.rows.get(`${series.split} ${series.key}`);
    if (cached) return cached;
    const rows = new Int32Array(this.slices.length).fill(-1);
    for (let row = series.start; row < series.stop; row++) rows[this.order[row]] = row;
    this.rows.set(`${series.split} ${series.key}`, rows);
    return rows;
  }

  idOf(slice: string): number {
    return this.ids.get(slice) ?? -1;
  }

  /** The row of a series and a slice, −1 where there is none. */
  row(series: Series, slice: string): number {
    const id = this.idOf(slice);
    return id < 0 ? -1 : this.rowsOf(series)[id];
  }
}
