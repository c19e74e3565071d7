// A chart with a caption, and its download as SVG or PNG.

import * as Plot from "@observablehq/plot";
import { useEffect, useRef, useState } from "preact/hooks";
import { useView } from "../view";
import { download } from "./table";

export { Plot };

/** Okabe and Ito's colours, which people of any colour vision can tell apart; darker or lighter ones by the ground. */
export interface Palette {
  candidate: string;
  baseline: string;
  others: string[];
  good: string;
  bad: string;
  /** A ground for numbers in the colour of the ink. */
  soft: string;
  muted: string;
  ink: string;
  ground: string;
  grid: string;
}

export function palette(dark: boolean): Palette {
  return dark
    ? {
        candidate: "#56b4e9",
        soft: "#325e79",
        baseline: "#e69f00",
        others: ["#56b4e9", "#e69f00", "#2fc79a", "#e08fbb", "#f0e442", "#f2803f"],
        good: "#2fc79a",
        bad: "#ff8f66",
        muted: "#a3adb8",
        ink: "#e8edf2",
        ground: "#14181d",
        grid: "#39424d",
      }
    : {
        candidate: "#0072b2",
        soft: "#6fb0d6",
        baseline: "#b25500",
        others: ["#0072b2", "#b25500", "#00785a", "#a3397a", "#6b6100", "#4d4d4d"],
        good: "#00694e",
        bad: "#b3261e",
        muted: "#5b6570",
        ink: "#1b2127",
        ground: "#ffffff",
        grid: "#d5dbe1",
      };
}

interface Props {
  title: string;
  /** What the chart shows, for those who cannot see it. */
  description: string;
  name: string;
  draw: (colors: Palette, width: number) => SVGSVGElement | HTMLElement;
  /** The chart is drawn again when one of these changes. */
  on: unknown[];
  /** In pixels, where there is room; without one the chart is as wide as the page. */
  width?: number;
  after?: (chart: SVGSVGElement | HTMLElement) => void;
  note?: string;
  /** What its lines are, for the downloads; the page has that beside the charts. */
  legend?: { label: string; color: string; dash?: string }[];
}

export function Figure({ title, description, name, draw, on, width, after, note, legend }: Props) {
  const holder = useRef<HTMLDivElement>(null);
  const room = useRoom(holder);
  const { dark } = useView();
  const own = Math.max(260, Math.min(width ?? room, room));
  useEffect(() => {
    if (!room) return;
    const chart = draw(palette(dark), own);
    for (const mark of chart.querySelectorAll("g[aria-label]")) {
      mark.setAttribute("data-mark", mark.getAttribute("aria-label") ?? "");
      mark.removeAttribute("aria-label"); // the chart is one image, with a label of its own
    }
    chart.setAttribute("role", "img");
    chart.setAttribute("aria-label", `${title}: ${description}`);
    holder.current?.replaceChildren(chart);
    after?.(chart);
  }, [dark, own, !room, ...on]);
  const svg = () => holder.current?.querySelector<SVGSVGElement>("svg[viewBox]") ?? null;
  return (
    <figure class="evc-figure" style={width ? { width: `${width}px` } : { width: "100%" }}>
      <figcaption>
        <span>{title}</span>
        <span class="evc-actions">
          <button type="button" aria-label={`Download ${title} as SVG`} onClick={() => saveSvg(svg(), name, dark, title, legend)}>
            SVG
          </button>
          <button type="button" aria-label={`Download ${title} as PNG`} onClick={() => savePng(svg(), name, dark, title, legend)}>
            PNG
          </button>
        </span>
      </figcaption>
      <div class="evc-chart" ref={holder} />
      {note && <p class="evc-quiet">{note}</p>}
    </figure>
  );
}

/** The width of an element, as it changes. */
function useRoom(holder: { current: HTMLElement | null }): number {
  const [room, setRoom] = useState(0);
  useEffect(() => {
    if (!holder.current) return undefined;
    const observer = new ResizeObserver(([entry]) => setRoom(Math.round(entry.contentRect.width)));
    observer.observe(holder.current);
    return () => observer.disconnect();
  }, [holder]);
  return room;
}

/** An axis that is named below the middle, clear of its numbers. */
export function below(label: string): { label: string; labelAnchor: "center"; labelArrow: "none"; labelOffset: number } {
  return { label, labelAnchor: "center", labelArrow: "none", labelOffset: 36 };
}

/** The chart with its title and what its lines are. */
function standalone(svg: SVGSVGElement, dark: boolean, title: string, legend: Props["legend"] = []): { text: string; width: number; height: number } {
  const colors = palette(dark);
  const [width, height] = ["width", "height"].map((name) => Number(svg.getAttribute(name)));
  const make = (name: string, attributes: Record<string, string | number>, text = "") => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
    node.textContent = text;
    return node;
  };
  const above = 30 + 18 * legend.length;
  const whole = make("svg", { viewBox: `0 0 ${width} ${height + above}`, width, height: height + above, fill: colors.ink });
  whole.style.cssText = `color: ${colors.ink}; background: ${colors.ground}; font-family: system-ui, sans-serif; font-size: 12px`;
  whole.append(make("rect", { width, height: height + above, fill: colors.ground }), make("text", { x: 8, y: 20, "font-weight": 600, "font-size": 14 }, title));
  legend.forEach(({ label, color, dash }, i) => {
    const y = 38 + 18 * i;
    whole.append(make("line", { x1: 8, x2: 34, y1: y - 4, y2: y - 4, stroke: color, "stroke-width": 2.5, "stroke-dasharray": dash ?? "none" }), make("text", { x: 42, y }, label));
  });
  const copy = svg.cloneNode(true) as SVGSVGElement;
  copy.setAttribute("y", String(above));
  whole.append(copy);
  return { text: new XMLSerializer().serializeToString(whole), width, height: height + above };
}

function saveSvg(svg: SVGSVGElement | null, name: string, dark: boolean, title: string, legend: Props["legend"]): void {
  if (svg) download(new Blob([standalone(svg, dark, title, legend).text], { type: "image/svg+xml" }), `${name}.svg`);
}

function savePng(svg: SVGSVGElement | null, name: string, dark: boolean, title: string, legend: Props["legend"]): void {
  if (!svg) return;
  const { text, width, height } = standalone(svg, dark, title, legend);
  const image = new Image();
  const address = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
  image.onload = () => {
    const canvas = document.createElement("canvas");
    canvas.width = 2 * width;
    canvas.height = 2 * height;
    canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
    URL.revokeObjectURL(address);
    canvas.toBlob((blob) => blob && download(blob, `${name}.png`));
  };
  image.src = address;
}
