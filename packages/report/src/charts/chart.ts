import {HarnessError} from '@accrete/kit';
import type {TopLevelSpec} from 'vega-lite';

/** Height of a chart in pixels, and whether it carries its own legend (a page with one legend for all sets false). */
export interface ChartOptions {
  readonly legend?: boolean;
  readonly height?: number;
}

/** Styles shared by all charts. Mid greys, so that a chart alone reads on light and on dark; the page refines them. */
export const chartConfig = {
  background: 'transparent',
  font: 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
  view: {stroke: null},
  axis: {
    domain: false,
    ticks: false,
    labelColor: '#737a85',
    titleColor: '#737a85',
    gridColor: '#8886',
    gridWidth: 0.6,
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    titlePadding: 8,
    labelPadding: 6,
    labelLimit: 130,
  },
  legend: {labelColor: '#737a85', titleColor: '#737a85', labelFontSize: 12, labelLimit: 130, orient: 'top', columns: 3},
} as const;

/** An axis in a d3 number format. Zero is 0: with an SI prefix it would be "0k". */
export function axisFormat(format: string) {
  return {format, labelExpr: "datum.value === 0 ? '0' : datum.label"} as const;
}

/** What every chart of the report shares: schema, container width, style. */
export const frame = {
  $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
  width: 'container',
  autosize: {type: 'fit-x', contains: 'padding'},
  padding: 4,
  config: chartConfig,
} as const;

/**
 * The spec itself, once it is known that every field it names is in every row of its data (inline or in `datasets`):
 * vega-lite would draw an empty chart without a word where one is not.
 *
 * @param name of the chart, for the message.
 * @throws HarnessError E_SHAPE naming the fields that are missing and those that are there.
 */
export function checkedSpec(name: string, spec: TopLevelSpec): TopLevelSpec {
  visit(name, spec, [], (spec.datasets ?? {}) as Readonly<Record<string, Rows>>);
  return spec;
}

type Rows = readonly Readonly<Record<string, unknown>>[];

function visit(name: string, node: unknown, inherited: Rows, datasets: Readonly<Record<string, Rows>>): void {
  if (node === null || typeof node !== 'object') return;
  const unit = node as {data?: {values?: Rows; name?: string}; encoding?: Record<string, unknown>; layer?: unknown[]};
  const rows = unit.data?.values ?? datasets[unit.data?.name ?? ''] ?? inherited;
  const fields = new Set<string>();
  collectFields(unit.encoding, fields);
  for (const row of rows) {
    const missing = [...fields].filter((field) => row[field] === undefined);
    if (missing.length > 0) {
      throw new HarnessError(
        'E_SHAPE',
        `chart "${name}" expects every row to have ${missing.join(', ')}; a row has only ${Object.keys(row).join(', ')}.`,
        {chart: name, missing},
      );
    }
  }
  for (const layer of unit.layer ?? []) visit(name, layer, rows, datasets);
}

function collectFields(node: unknown, fields: Set<string>): void {
  if (node === null || typeof node !== 'object') return;
  for (const [key, value] of Object.entries(node)) {
    if (key === 'field' && typeof value === 'string') fields.add(value);
    else collectFields(value, fields);
  }
}
