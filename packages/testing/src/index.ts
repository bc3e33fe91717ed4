export {expectClose, type Tolerance} from './close.ts';
export {checkGradient} from './gradients.ts';
export {leakFree} from './leaks.ts';
export {type ReadmeExample, readmeExample, readmeExamples} from './readme.ts';
