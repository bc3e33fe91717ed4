"""Runs the published code of rows of rows.json on the data that they are reproduced on here: what it reaches there is what ours is to reach.

    python benchmarks/reproduce/reference.py --avalanche <checkout of ContinualAI/avalanche>
        --baselines <checkout of ContinualAI/continual-learning-baselines> --data <folder with the four IDX files> [R2 R3 ...]
        [--seeds 0,1,2]

The IDX files are those that `accrete data` has put into its cache. Their code runs as it is, with their tests' arguments, but for what has
to be mended for it to run here as it was published (EXPERIMENTS). What is handed to it in place of MNIST is those files, in an order drawn
by the seed, as MNIST's own order is mixed and that of mnist-10k is not. Rows that change one thing in it (CHANGES) are for finding causes.

Results go into reference.json beside this file, a run at a time; what is there already is not run again.

Needs torch, torchvision, dill, psutil, scikit-learn, matplotlib, tqdm, torchmetrics, tensorboard and packaging. What else avalanche imports
is not used by these rows, and stood for by PLACEHOLDERS where it is not installed. R15 solves its quadratic programme by qpsolvers, or, where
that is not installed, by the non-negative least squares of scipy, which is exact, too.
"""

import argparse
import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import types
import unittest.mock

HERE = pathlib.Path(__file__).resolve().parent
IDX_FILES = ('train-images-idx3-ubyte', 'train-labels-idx1-ubyte', 't10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte')


def weights_copied(patch):
    """SI keeps weights by `detach().cpu().flatten()`: a copy where they are on a GPU, as when it was published, but a view where they are
    on the CPU, which moves with them, so that no importance is ever found. Here it is a copy, too."""
    from avalanche.training.plugins import SynapticIntelligencePlugin

    extract = SynapticIntelligencePlugin.extract_weights

    def extract_copies(model, target, excluded_parameters):
        extract(model, target, excluded_parameters)
        for kept in target.values():
            kept.data = kept.data.clone()

    patch(SynapticIntelligencePlugin, 'extract_weights', staticmethod(extract_copies))


def train_on_every_batch(patch):
    """CoPE ends training after the first batch of an experience, which has no other; the flag is still up when the next one begins."""
    from avalanche.training.plugins import CoPEPlugin

    patch(CoPEPlugin, 'after_training_iteration', lambda plugin, strategy, **kwargs: None)


def rows_leave_one_by_one(patch):
    """A class has its share of the buffer from its first example on, and the others are cut to theirs at once. Here, as in ours, an
    example that comes to a full buffer takes the place of a random one of the most frequent class; at a tie it joins the draw."""
    import torch
    from avalanche.training.storage_policy import ClassBalancedBuffer, ReservoirSamplingBuffer

    def update(buffer, new_data, strategy=None):
        groups = buffer.buffer_groups
        for index, label in enumerate(new_data.targets):
            own = groups.setdefault(int(label), ReservoirSamplingBuffer(0))
            crowded = max(groups.values(), key=lambda group: len(group.buffer))
            full = sum(len(group.buffer) for group in groups.values()) >= buffer.max_size
            loser = crowded if len(own.buffer) < len(crowded.buffer) else own
            if full:  # Who has the lowest weight goes: anyone may, with new weights in a new order.
                loser.buffer = loser.buffer.subset(torch.randperm(len(loser.buffer)).tolist())
                loser._buffer_weights = torch.rand(len(loser.buffer)).sort(descending=True).values
            if full and loser is not own:
                loser.resize(strategy, len(loser.buffer) - 1)
            if not full or loser is not own:
                own.max_size = len(own.buffer) + 1
            own.update_from_dataset(new_data.subset([index]))

    patch(ClassBalancedBuffer, 'update_from_dataset', update)


def train_by_the_gradient_of_the_batch(patch):
    """GSS leaves the last gradient that it scored by where that of the batch is added to it."""
    from avalanche.training.plugins import GSS_greedyPlugin

    select = GSS_greedyPlugin.after_forward

    def select_and_clear(plugin, strategy, **kwargs):
        select(plugin, strategy, **kwargs)
        strategy.optimizer.zero_grad()

    patch(GSS_greedyPlugin, 'after_forward', select_and_clear)


def other_heads_at_rest(patch):
    """The penalty of SI runs over the heads of all tasks: its gradient there is 0, not none, and so Adam moves them on by momentum."""
    from avalanche.training.plugins import SynapticIntelligencePlugin

    begin, allowed = SynapticIntelligencePlugin.before_training_exp, SynapticIntelligencePlugin.allowed_parameters
    task = None

    def begin_task(plugin, strategy, **kwargs):
        nonlocal task
        task = strategy.experience.current_experience
        begin(plugin, strategy, **kwargs)

    def allowed_without_other_heads(model, excluded_parameters):
        heads, own = 'classifier.classifiers.', f'classifier.classifiers.{task}.'
        parameters = allowed(model, excluded_parameters)
        return [(name, value) for name, value in parameters if not name.startswith(heads) or name.startswith(own)]

    patch(SynapticIntelligencePlugin, 'before_training_exp', begin_task)
    patch(SynapticIntelligencePlugin, 'allowed_parameters', staticmethod(allowed_without_other_heads))


def importance_by_the_loss_alone(patch):
    """SI takes the gradient of a step whole, that of its own penalty included. Here the penalty's is taken out first, as in the paper."""
    from avalanche.training.plugins import SynapticIntelligencePlugin

    after = SynapticIntelligencePlugin.after_training_iteration

    def after_iteration(plugin, strategy, **kwargs):
        for name, parameter in plugin.allowed_parameters(strategy.model, plugin.excluded_parameters):
            anchor, importance = (kept[name].data for kept in plugin.ewc_data)
            away = plugin.syn_data['old_theta'][name].data - anchor
            parameter.grad -= (plugin.si_lambda[0] * importance * away).view_as(parameter)
        after(plugin, strategy, **kwargs)

    patch(SynapticIntelligencePlugin, 'after_training_iteration', after_iteration)


def missing_logits_masked(patch):
    """A head per task answers with one logit for every class met so far, tests included, and those that it has not got are 0. A test of
    the first task, which was trained before there were others, has eight of them to win against. Here they are as low as masked ones."""
    import torch
    from avalanche.models import MultiHeadClassifier

    forward = MultiHeadClassifier.forward

    def forward_masked(classifier, x, task_labels):
        logits = forward(classifier, x, task_labels)
        for task in torch.unique(task_labels).tolist():
            width = classifier.classifiers[str(task)].classifier.out_features
            logits[task_labels == task, width:] = classifier.mask_value
        return logits

    patch(MultiHeadClassifier, 'forward', forward_masked)


# Row -> (module, function, what their test hands over beside the seed, what has to be mended for it to run here as it was published).
EXPERIMENTS = {
    'R2': ('split_mnist', 'synaptic_intelligence_smnist', {}, [weights_copied]),
    'R3': ('split_mnist', 'gdumb_smnist', {}, []),
    'R4': ('split_mnist', 'lwf_smnist', {}, []),
    'R5': ('split_mnist', 'cope_smnist', {}, []),
    'R6': ('split_mnist', 'online_replay_smnist', {}, []),
    'R8': ('split_mnist', 'gss_smnist', {}, []),
    'R9': ('split_mnist', 'generative_replay_smnist', {}, []),
    'R10': ('permuted_mnist', 'lfl_pmnist', {}, []),
    'R11': ('permuted_mnist', 'ewc_pmnist', {}, []),
    'R12': ('permuted_mnist', 'synaptic_intelligence_pmnist', {}, [weights_copied]),
    'R14': ('permuted_mnist', 'agem_pmnist', {}, []),
    'R15': ('permuted_mnist', 'gem_pmnist', {'n_exp': 5}, []),
}
# Row -> (the row in which one thing is changed, what is patched in place of what has to be).
CHANGES = {
    'R2a': ('R2', [weights_copied, other_heads_at_rest]),
    'R2b': ('R2', []),
    'R2c': ('R2', [weights_copied, missing_logits_masked]),
    'R5a': ('R5', [train_on_every_batch]),
    'R6a': ('R6', [rows_leave_one_by_one]),
    'R8b': ('R8', [train_by_the_gradient_of_the_batch]),
    'R12a': ('R12', [weights_copied, importance_by_the_loss_alone]),
}
ROWS = sorted([*EXPERIMENTS, *CHANGES], key=lambda row: (int(re.search(r'\d+', row)[0]), row))

PLACEHOLDERS = ('pytorchcv', 'GPUtil', 'gdown', 'wandb', 'kornia', 'higher', 'timm')


class Placeholder(types.ModuleType):
    """A module that has whatever is imported from it, as an empty class, and whatever module below it."""

    __path__ = ()

    def __getattr__(self, name):
        if name.startswith('__'):
            raise AttributeError(name)
        return type(name, (), {})


class PlaceholderFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Asked where nobody else has the module."""

    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self) if name.split('.')[0] in PLACEHOLDERS else None

    def create_module(self, spec):
        return Placeholder(spec.name)

    def exec_module(self, module):
        pass


def solve_qp(P, q, G, h, solver):
    """argmin v'Pv/2 + q'v such that v >= least, as `qpsolvers` is asked by GEM: G is minus the identity, h minus the least values."""
    import numpy
    from scipy.optimize import nnls

    assert solver == 'quadprog' and numpy.array_equal(G, -numpy.eye(len(q)))
    least = -h
    half = numpy.linalg.cholesky(P)  # With u = v - least: |half' u + half^-1 (q + P least)|^2 / 2, up to a constant.
    return least + nnls(half.T, -numpy.linalg.solve(half, q + P @ least))[0]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('rows', nargs='*', default=[])
    parser.add_argument('--avalanche', type=pathlib.Path, required=True)
    parser.add_argument('--baselines', type=pathlib.Path, required=True)
    parser.add_argument('--data', type=pathlib.Path, required=True)
    parser.add_argument('--seeds', default='0,1,2')
    parser.add_argument('--out', type=pathlib.Path, default=HERE / 'reference.json')
    options = parser.parse_args()
    unknown = [row for row in options.rows if row not in ROWS]
    if unknown:
        sys.exit(f'no row {", ".join(unknown)}. Known: {", ".join(ROWS)}.')
    missing = [name for name in IDX_FILES if not (options.data / name).is_file()]
    if missing:
        sys.exit(f'--data: no {", ".join(missing)} in {options.data}. `accrete data` says where they are.')
    sys.path[:0] = [str(options.avalanche), str(options.baselines)]
    sys.meta_path.append(PlaceholderFinder())
    if importlib.util.find_spec('qpsolvers') is None:
        sys.modules['qpsolvers'] = types.ModuleType('qpsolvers')
        sys.modules['qpsolvers'].solve_qp = solve_qp
    for row in options.rows or ROWS:
        for seed in map(int, options.seeds.split(',')):
            if seed not in known(options.out, row, options.data.name):
                run(row, seed, options)


def run(row, seed, options):
    import torch

    torch.set_num_threads(1)
    of, changes = CHANGES.get(row, (row, None))
    folder, function, arguments, mends = EXPERIMENTS[of]
    experiment = getattr(importlib.import_module(f'experiments.{folder}'), function)
    started = time.process_time()
    with contextlib.ExitStack() as stack:
        root = stack.enter_context(tempfile.TemporaryDirectory())
        serve(options.data, pathlib.Path(root), seed)
        for change in mends if changes is None else changes:
            change(lambda owner, name, value: stack.enter_context(unittest.mock.patch.object(owner, name, value)))
        with open(os.devnull, 'w') as nowhere, contextlib.redirect_stdout(nowhere):
            metrics = experiment({'seed': seed, 'cuda': -1, **arguments})
    # Their tests' `get_average_metric`; there is one entry, over all examples.
    accuracies = [value for name, value in metrics.items() if name.startswith('Top1_Acc_Stream')]
    accuracy = sum(accuracies) / len(accuracies)
    note(options, row, seed, accuracy)
    print(f'{row} seed {seed}: {accuracy:.4f} in {time.process_time() - started:.0f} s', flush=True)


def serve(data, root, seed):
    """Has avalanche load the IDX files of `data`, the training images in an order drawn by the seed, beside all generators of theirs.

    Pixels are standardised beforehand, with the constants of their transform, which is the same and takes half of the time.
    """
    import torch
    from avalanche.benchmarks.classic import cmnist
    from avalanche.benchmarks.datasets.external_datasets.mnist import TensorMNIST

    class Standardised(TensorMNIST):
        def __init__(self, train):
            super().__init__(root=str(root), train=train, download=False)
            generator = torch.Generator().manual_seed(seed)
            order = torch.randperm(len(self.data), generator=generator) if train else slice(None)
            self.data = ((self.data[order].float() / 255 - 0.1307) / 0.3081).unsqueeze(1)
            self.targets = self.targets[order]
            self.labels = self.targets.tolist()

        def __getitem__(self, index):
            return self.data[index], self.labels[index]

    raw = root / 'MNIST' / 'raw'
    raw.mkdir(parents=True)
    for name in IDX_FILES:
        (raw / name).symlink_to((data / name).resolve())
    cmnist.get_mnist_dataset = lambda _: (Standardised(True), Standardised(False))
    for benchmark in (cmnist.SplitMNIST, cmnist.PermutedMNIST):
        benchmark.__kwdefaults__.update(train_transform=None, eval_transform=None)


def known(out, row, data):
    results = json.loads(out.read_text())['results'] if out.exists() else []
    return {seed for result in results if (result['row'], result['data']) == (row, data) for seed in result['seeds']}


def note(options, row, seed, accuracy):
    """Adds one run to the file."""
    import torch

    data = options.data.name
    results = json.loads(options.out.read_text())['results'] if options.out.exists() else []
    own = next((result for result in results if (result['row'], result['data']) == (row, data)), None)
    if own is None:
        own = {'row': row, 'data': data, 'seeds': [], 'accuracies': []}
        results.append(own)
    runs = sorted([*zip(own['seeds'], own['accuracies']), (seed, round(accuracy, 6))])
    own.update(seeds=[at for at, _ in runs], accuracies=[value for _, value in runs])
    results.sort(key=lambda result: (ROWS.index(result['row']), result['data']))
    commits = {'avalanche': commit(options.avalanche), 'continual-learning-baselines': commit(options.baselines)}
    environment = {'python': sys.version.split()[0], 'torch': torch.__version__, 'commits': commits}
    options.out.write_text(json.dumps({'environment': environment, 'results': results}, indent=2))


def commit(checkout):
    return subprocess.run(['git', '-C', str(checkout), 'rev-parse', 'HEAD'], capture_output=True, text=True, check=True).stdout.strip()


if __name__ == '__main__':
    main()
