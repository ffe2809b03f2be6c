/** The part of the preview that runs in the page: one function that needs nothing from outside it but uPlot. */

import type uPlotClass from 'uplot';

import type { Drawn } from './preview.js';
import type { Span } from './prometheus.js';

/** Fills `<main>` with the panels. Returns what went wrong. */
export function draw({ drawn, span }: { drawn: Drawn[]; span: Span }): string | undefined {
  const uPlot = (globalThis as unknown as { uPlot: typeof uPlotClass }).uPlot;
  const COLORS = ['#3274d9', '#e0b400', '#37872d', '#c4162a', '#8f3bb8', '#fa6400', '#1f9d9a', '#705da0', '#9aa5b1'];
  const PALE = ['#d3e0f7', '#f8ecc2', '#cfe3cc', '#f3c8cd', '#e5d2f0', '#fedcc2', '#cbe8e7', '#dcd8e8', '#e6eaed'];
  const STEPS: Record<string, string> = { green: '#37872d', yellow: '#d9a400', red: '#c4162a' };
  const main = document.querySelector('main');
  if (!main) return 'no place to draw';

  const scaled = (value: number, base: number, units: string[]) => {
    const power = value === 0 ? 0 : Math.min(units.length - 1, Math.max(0, Math.floor(Math.log(Math.abs(value)) / Math.log(base))));
    return `${+(value / base ** power).toPrecision(3)}${units[power]}`;
  };
  const written = (value: number, unit: string, decimals?: number): string => {
    if (unit === 'percentunit') return `${(value * 100).toFixed(decimals ?? 0)} %`;
    if (unit === 's') return value >= 120 ? `${+(value / 60).toFixed(1)} min` : value >= 1 || value === 0 ? `${+value.toPrecision(3)} s` : value >= 0.001 ? `${+(value * 1000).toPrecision(3)} ms` : `${+(value * 1e6).toPrecision(3)} µs`;
    if (unit === 'bytes' || unit === 'Bps') return scaled(value, 1024, [' B', ' KiB', ' MiB', ' GiB', ' TiB']) + (unit === 'Bps' ? '/s' : '');
    if (unit === 'short' && decimals !== undefined) return value.toFixed(decimals);
    const per = unit === 'reqps' || unit === 'ops' ? '/s' : '';
    return scaled(value, 1000, ['', ' k', ' M']) + per;
  };

  for (const { panel, series } of drawn) {
    const { unit, thresholds, custom, min, max, decimals } = panel.fieldConfig.defaults;
    const section = document.createElement('section');
    const { x, y, w, h } = panel.gridPos;
    section.style.gridArea = `${y + 1} / ${x + 1} / span ${h} / span ${w}`;
    const title = section.appendChild(document.createElement('h2'));
    title.textContent = panel.title;
    main.append(section);
    const width = section.clientWidth - 14;
    const height = section.clientHeight - 42;

    if (panel.type === 'stat') {
      const box = section.appendChild(document.createElement('div'));
      box.className = 'number';
      const [first] = series;
      const last = first?.points.at(-1)?.[1];
      const color = thresholds.steps.filter((step) => step.value === null || (last !== undefined && last >= step.value)).at(-1)?.color;
      box.style.background = STEPS[color ?? 'green'] ?? '#888';
      box.textContent = series.map(({ points, legend }) => `${series.length > 1 || panel.title.includes('version') ? `${legend}: ` : ''}${written(points.at(-1)?.[1] ?? NaN, unit, decimals)}`).join('   ');
      continue;
    }

    if (panel.type === 'heatmap') {
      const rows = [...series].sort((a, b) => (a.le ?? 0) - (b.le ?? 0));
      const canvas = section.appendChild(document.createElement('canvas'));
      canvas.width = width;
      canvas.height = height + 14;
      const pen = canvas.getContext('2d');
      if (!pen) return 'no canvas';
      const left = 52;
      const cell = (canvas.height - 14) / rows.length;
      const at = rows.map((row) => new Map(row.points));
      const cells = rows.flatMap((row, n) => row.points.map(([time, value]) => ({ n, time, count: value - (n > 0 ? (at[n - 1]?.get(time) ?? 0) : 0) })));
      const most = Math.max(...cells.map(({ count }) => count), 1e-9);
      const step = Math.max(3, ((width - left) / (span.to - span.from)) * 2);
      for (const { n, time, count } of cells.filter(({ count }) => count > 1e-6)) {
        pen.fillStyle = `rgba(214, 90, 0, ${0.15 + 0.85 * Math.sqrt(count / most)})`;
        pen.fillRect(left + ((time - span.from) / (span.to - span.from)) * (width - left), canvas.height - 14 - (n + 1) * cell, step, cell - 1);
      }
      pen.fillStyle = '#555';
      pen.font = '10px sans-serif';
      rows.forEach((row, n) => {
        if (n % Math.ceil(rows.length / 9) === 0) pen.fillText(Number.isFinite(row.le ?? 0) ? written(row.le ?? 0, unit) : '∞', 2, canvas.height - 14 - n * cell - 2);
      });
      continue;
    }

    const times = [...new Set(series.flatMap(({ points }) => points.map(([time]) => time)))].sort((a, b) => a - b);
    const stacked = custom?.stacking?.mode === 'normal';
    const sums = new Map<number, number>();
    const values = series.map(({ points }) => {
      const known = new Map(points);
      return times.map((time) => {
        const value = known.get(time);
        if (!stacked) return value ?? null;
        const sum = (sums.get(time) ?? 0) + (value ?? 0);
        sums.set(time, sum);
        return sum;
      });
    });
    // The sum of all is drawn first, and the others over it.
    const order = series.map((_, n) => (stacked ? series.length - 1 - n : n));
    const lines = thresholds.steps.filter((step) => step.value !== null && thresholds.steps.length > 1);
    const box = section.appendChild(document.createElement('div'));
    new uPlot(
      {
        width,
        height,
        legend: { show: false },
        cursor: { show: false },
        scales: { x: { time: true }, y: { range: (_plot, low, high) => [min ?? Math.min(low, 0), max ?? Math.max(high * 1.1, 1e-9)] } },
        axes: [
          { font: '10px sans-serif', size: 22, grid: { stroke: '#eee' } },
          { font: '10px sans-serif', size: 68, grid: { stroke: '#eee' }, values: (_plot, ticks) => ticks.map((tick) => written(tick, unit)) },
        ],
        series: [{}, ...order.map((n) => ({ stroke: COLORS[n % COLORS.length] ?? '#000', width: 1.3, fill: stacked ? (PALE[n % PALE.length] ?? '#eee') : '', points: { show: false }, spanGaps: false }))],
        hooks: {
          draw: [
            (plot) => {
              for (const { value, color } of lines) {
                const height = plot.valToPos(value ?? 0, 'y', true);
                if (height < plot.bbox.top || height > plot.bbox.top + plot.bbox.height) continue;
                plot.ctx.strokeStyle = STEPS[color] ?? '#888';
                plot.ctx.setLineDash([4, 4]);
                plot.ctx.beginPath();
                plot.ctx.moveTo(plot.bbox.left, height);
                plot.ctx.lineTo(plot.bbox.left + plot.bbox.width, height);
                plot.ctx.stroke();
                plot.ctx.setLineDash([]);
              }
            },
          ],
        },
      },
      [times, ...order.map((n) => values[n] ?? [])],
      box,
    );
    const legend = section.appendChild(document.createElement('div'));
    legend.className = 'legend';
    series.forEach(({ legend: text }, n) => {
      const mark = legend.appendChild(document.createElement('i'));
      mark.style.background = COLORS[n % COLORS.length] ?? '#000';
      legend.append(text);
    });
  }
  return undefined;
}
