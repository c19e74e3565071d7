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
  muted: string;
  ink: string;
  ground: string;
  grid: string;
}

export function palette(dark: boolean): Palette {
  return dark
    ? {
        candidate: "#56b4e9",
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
}

export function Figure({ title, description, name, draw, on, width, after, note }: Props) {
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
          <button type="button" aria-label={`Download ${title} as SVG`} onClick={() => saveSvg(svg(), name, dark)}>
            SVG
          </button>
          <button type="button" aria-label={`Download ${title} as PNG`} onClick={() => savePng(svg(), name, dark)}>
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

function standalone(svg: SVGSVGElement, dark: boolean): string {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const colors = palette(dark);
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.style.color = colors.ink;
  copy.style.background = colors.ground;
  copy.style.fontFamily = "system-ui, sans-serif";
  return new XMLSerializer().serializeToString(copy);
}

function saveSvg(svg: SVGSVGElement | null, name: string, dark: boolean): void {
  if (svg) download(new Blob([standalone(svg, dark)], { type: "image/svg+xml" }), `${name}.svg`);
}

function savePng(svg: SVGSVGElement | null, name: string, dark: boolean): void {
  if (!svg) return;
  const [width, height] = [svg.clientWidth || 420, svg.clientHeight || 320];
  const image = new Image();
  const address = URL.createObjectURL(new Blob([standalone(svg, dark)], { type: "image/svg+xml" }));
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
