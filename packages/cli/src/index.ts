export {experimentJsonSchema} from './commands/schema.ts';
export {type ExitCode, main} from './main.ts';
export {registries} from './registries.ts';
