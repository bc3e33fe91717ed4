// One task of a Slurm array: computes the job of its index, and leaves the result beside the job list.
//   node slurm-task.js FOLDER INDEX
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {writeFileAtomic} from '@accrete/kit';
import {createBench} from './compute.ts';
import {resultFile, type SlurmTasks} from './slurm.ts';

const [folder, index] = [process.argv[2]!, Number(process.argv[3])];
const {jobs, options} = JSON.parse(readFileSync(join(folder, 'jobs.json'), 'utf8')) as SlurmTasks;
const bench = createBench(console.log);
const result = await bench.run(jobs[index]!, options, () => {});
writeFileAtomic(resultFile(folder, index), JSON.stringify(result));
await bench.dispose();
if (result.status === 'failed') console.error(result.message);
process.exitCode = result.status === 'failed' ? 1 : 0;
