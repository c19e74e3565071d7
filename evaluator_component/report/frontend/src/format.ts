// Numbers and words as people read them.

const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** A whole number with thousands apart. */
export function count(value: number | null): string {
  return value === null || Number.isNaN(value) ? "" : grouped.format(value);
}

/** A value with four decimals, or with three digits where those would not show it. */
export function number(value: number): string {
  if (Number.isNaN(value)) return "";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  let text: string;
  if (size === 0) text = "0";
  else if (Number.isInteger(value) && size > 1 && size < 1000) text = String(value);
  else if (size >= 1e7) text = value.toExponential(3);
  else if (size >= 1000) text = Number.isInteger(value) ? grouped.format(value) : value.toLocaleString("en", { maximumFractionDigits: 1 });
  else if (size >= 100) text = value.toFixed(Number.isInteger(value) ? 0 : 2);
  else if (size >= 0.001) text = value.toFixed(4);
  else text = value.toPrecision(3);
  return text.replace("-", "−");
}

/** A change, with its sign. */
export function change(value: number): string {
  const text = number(value);
  return value > 0 ? `+${text}` : text;
}

/** The limits of an interval, with as many decimals as its width makes sense of; "" where there is none. */
export function interval(lower: number, upper: number, format: (value: number) => string = number): string {
  if (Number.isNaN(lower) && Number.isNaN(upper)) return "";
  const [size, width] = [Math.max(Math.abs(lower), Math.abs(upper)), upper - lower];
  if (!Number.isFinite(width) || size >= 1000 || width <= 0) return `${format(lower) || "−∞"} to ${format(upper) || "∞"}`;
  let decimals = Math.min(8, Math.max(size < 10 ? 4 : 2, 1 - Math.floor(Math.log10(width))));
  const vanishes = (value: number) => value !== 0 && Number(value.toFixed(decimals)) === 0;
  while (decimals < 8 && (vanishes(lower) || vanishes(upper))) decimals++;
  const sign = (value: number) => (format === change && value > 0 ? "+" : "");
  const [from, to] = [lower, upper].map((value) => `${sign(value)}${value.toFixed(decimals)}`.replace("-", "−"));
  return `${from} to ${to}`;
}

/** A share in percent. */
export function percent(share: number, digits = 1): string {
  return Number.isNaN(share) ? "" : `${(100 * share).toFixed(digits)} %`;
}

/** "better", "worse" or "" of a change. */
export function judgement(value: number, direction: string | null): "" | "better" | "worse" {
  if (!value || Number.isNaN(value) || !direction) return "";
  return value > 0 === (direction === "higher") ? "better" : "worse";
}

/** Text for a CSV file; what a spreadsheet would take for a formula is kept text by an apostrophe. */
export function csvCell(value: string | number): string {
  if (typeof value === "number") return Number.isNaN(value) ? "" : String(Number(value.toPrecision(7))); // as in the page
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Names of outcomes. */
export const OUTCOMES: Record<string, string> = {
  FAIL: "failed",
  INCONCLUSIVE: "inconclusive",
  SKIPPED: "skipped",
  PASS: "passed",
};

/** Makes text shorter, in its middle: names of slices often differ at their ends. */
export function short(text: string, most = 40): string {
  const letters = [...text];
  if (letters.length <= most) return text;
  const end = Math.floor(most / 2);
  return `${letters.slice(0, most - end - 1).join("")}…${letters.slice(-end).join("")}`;
}

/** "1 slice", "2 slices". */
export function several(number: number, what: string): string {
  return `${count(number)} ${what}${number === 1 ? "" : "s"}`;
}

/** How the numbers of an axis are written: with SI prefixes where they are large. */
export function ticks(...values: number[]): string | undefined {
  return Math.max(...values.map(Math.abs)) >= 1e5 ? "~s" : undefined;
}

/** The better or worse of a change, unless its interval holds 0. */
export function clearJudgement(value: number, lower: number, upper: number, direction: string | null): string {
  const word = judgement(value, direction);
  return word && lower <= 0 && upper >= 0 ? "unclear" : word;
}
