// npm run setup:tensorflow [-- --python PATH]
// Builds the binding of @tensorflow/tfjs-node-gpu against the TensorFlow that pip installed (tensorflow or tensorflow-cpu).
// Needs a C++ compiler and make. Undo with --remove.
import {spawnSync} from 'node:child_process';
import {existsSync, mkdirSync, realpathSync, rmSync, symlinkSync} from 'node:fs';
import {createRequire} from 'node:module';
import {dirname, join, resolve} from 'node:path';
import {parseArgs} from 'node:util';

const {values} = parseArgs({options: {python: {type: 'string'}, remove: {type: 'boolean', default: false}}});
const require = createRequire(import.meta.url);
const home = homeOf('@tensorflow/tfjs-node-gpu');
const deps = join(home, 'deps');

if (values.remove) {
  for (const folder of [deps, join(home, 'lib'), join(home, 'build')]) rmSync(folder, {recursive: true, force: true});
  console.log('The TensorFlow binding was removed.');
  process.exit(0);
}
const python = values.python ?? process.env.PYTHON ?? 'python3';
const wheel = tensorflowOf(python);
linkLibraries(wheel);
compile();
check();

function fail(message) {
  console.error(message);
  process.exit(1);
}

function homeOf(name) {
  for (const folder of require.resolve.paths(name))
    if (existsSync(join(folder, name))) return realpathSync(join(folder, name));
  return fail(`${name} is not installed. Run npm install ${name} first; its own download may fail, that does no harm.`);
}

/** The folder of the Python package that holds TensorFlow's headers and libraries. */
function tensorflowOf(program) {
  const find =
    'import importlib.util as u; s = u.find_spec("tensorflow"); print(s.submodule_search_locations[0] if s else "")';
  const {stdout, error} = spawnSync(program, ['-c', find], {encoding: 'utf8'});
  if (error) fail(`${program} does not start (${error.message}). Install Python, or name one: --python PATH.`);
  const folder = stdout.trim();
  if (folder === '') {
    fail(
      `${program} has no TensorFlow. Run "${program} -m pip install tensorflow" (or tensorflow-cpu), or name a Python that has it: --python PATH.`,
    );
  }
  return folder;
}

function linkLibraries(from) {
  const [end, versioned] = process.platform === 'darwin' ? ['.2.dylib', '.2.dylib'] : ['.so', '.so.2'];
  rmSync(deps, {recursive: true, force: true});
  mkdirSync(join(deps, 'lib'), {recursive: true});
  const links = [
    [join(from, 'include'), join(deps, 'include'), 'dir'],
    [join(from, `libtensorflow_cc${versioned}`), join(deps, 'lib', `libtensorflow${end}`), 'file'],
    [join(from, `libtensorflow_framework${versioned}`), join(deps, 'lib', `libtensorflow_framework${end}`), 'file'],
  ];
  // The program looks for the libraries by the names that they bear inside, which are the versioned ones.
  if (end !== versioned) {
    for (const name of ['libtensorflow_cc', 'libtensorflow_framework']) {
      links.push([join(from, name + versioned), join(deps, 'lib', name + versioned), 'file']);
    }
  }
  for (const [target, path, kind] of links) {
    if (!existsSync(target))
      fail(`${target} is missing: this TensorFlow ships no headers or libraries. Reinstall it with pip.`);
    symlinkSync(target, path, kind);
  }
}

function compile() {
  const tool = createRequire(join(home, 'package.json')).resolve('@mapbox/node-pre-gyp/bin/node-pre-gyp');
  const own = resolve(dirname(process.execPath), '..');
  // The headers that came with this Node, where they did; else node-gyp fetches them.
  const headers = existsSync(join(own, 'include/node/node_api.h')) ? [`--nodedir=${own}`] : [];
  console.log('Building the binding (about ten seconds) …');
  const {status, stdout, stderr, error} = spawnSync(
    process.execPath,
    [tool, 'install', '--build-from-source', ...headers],
    {cwd: home, encoding: 'utf8'},
  );
  if (error || status !== 0) {
    fail(`${stdout}${stderr}\nThe binding does not build; see above. It needs a C++ compiler, make and Python.`);
  }
}

function check() {
  const script = `require('node:util').isNullOrUndefined ??= (v) => v == null; require('${home}'); console.log('ok')`;
  const env = {...process.env, TF_CPP_MIN_LOG_LEVEL: '2'};
  const {stdout, stderr} = spawnSync(process.execPath, ['-e', script], {encoding: 'utf8', env});
  if (!stdout.includes('ok')) fail(`${stderr}\nThe binding was built but does not load; see above.`);
  console.log("The engine 'tensorflow' is ready: createEngine({kind: 'tensorflow'}).");
}
