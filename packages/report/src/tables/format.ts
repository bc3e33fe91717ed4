import type {Metric} from '../metrics/metric.ts';

type Unit = Metric<never>['unit'];

/** A number in words for a table: fractions with three decimals, counts and bytes with SI prefixes, seconds. */
export function formatValue(value: number, unit: Unit | string): string {
  if (unit === 'fraction' || unit === 'nats') return minus(value.toFixed(3));
  if (unit === 'bytes') return scaled(value, 1000, ['B', 'kB', 'MB', 'GB', 'TB']);
  if (unit === 's') return formatSeconds(value);
  return scaled(value, 1000, ['', 'k', 'M', 'G', 'T']).trim();
}

/** Seconds as a reader would say them: "0.42 s", "38.2 s", "3 min 20 s", "2 h 05 min". */
export function formatSeconds(seconds: number): string {
  if (seconds < 100) return `${seconds.toFixed(seconds < 1 ? 2 : 1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')} min`;
}

/** "mean ± sd", or the mean alone where there is no spread to show, or a dash where there is no value. */
export function formatMeanSd(
  summary: {readonly mean: number | null; readonly sd: number | null; readonly unit: string} | undefined,
): string {
  if (!summary || summary.mean === null) return '–';
  const centre = formatValue(summary.mean, summary.unit);
  if (summary.sd === null) return centre;
  if (summary.unit === 's' && summary.mean < 100) return `${summary.mean.toFixed(1)} ± ${summary.sd.toFixed(1)} s`;
  if ((summary.unit === 'parameters' || summary.unit === 'bytes') && summary.sd === 0) return centre;
  return `${centre} ± ${formatValue(summary.sd, summary.unit)}`;
}

// -0.0004 is "0.000", and a real minus sign lines up with digits.
function minus(text: string): string {
  return /^-0\.?0*$/.test(text) ? text.slice(1) : text.replace('-', '\u2212');
}

function scaled(value: number, base: number, units: readonly string[]): string {
  const step = value < base ? 0 : Math.min(units.length - 1, Math.floor(Math.log(value) / Math.log(base)));
  const amount = value / base ** step;
  const digits = step === 0 ? (Number.isInteger(value) ? 0 : 1) : amount < 10 ? 2 : amount < 100 ? 1 : 0;
  return minus(`${amount.toFixed(digits)} ${units[step]}`);
}
