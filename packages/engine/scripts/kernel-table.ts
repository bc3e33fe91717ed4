// node --import=tsx --conditions=@accrete/source scripts/kernel-table.ts
// Writes the table of mapped kernels into the README. A test keeps it true.
import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {kernelFamilies} from '../src/trace/kernels/registry.ts';

const path = join(import.meta.dirname, '../README.md');
const marked = /(<!-- kernels: [^>]*-->\n)[\s\S]*?(<!-- end of kernels -->)/;

/** The README with the table as the mappings are now. */
export function withKernelTable(readme: string): string {
  const rows = Object.entries(kernelFamilies).map(
    ([family, kernels]) => `| ${family} | ${kernels.map(({kernel, onnx}) => `${kernel} (${onnx})`).join(', ')} |`,
  );
  const count = Object.values(kernelFamilies).flat().length;
  const table = [
    `${count} kernels, and in brackets the ONNX operations that they become.`,
    '',
    '| family | kernels |',
    '| --- | --- |',
    ...rows,
  ];
  return readme.replace(marked, (_, start: string, end: string) => `${start}\n${table.join('\n')}\n\n${end}`);
}

if (process.argv[1] === import.meta.filename) writeFileSync(path, withKernelTable(readFileSync(path, 'utf8')));
