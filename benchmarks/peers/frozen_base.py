"""A module and a head per task on a frozen base, as a plain PyTorch loop with all data in memory as float32. One thread.

Usage: frozen_base.py FOLDER PLAN, where FOLDER holds raw bytes written by frozen-base.mjs (images and labels; every parameter that
base, modules and heads start from; for each task the images of its epochs, in order) and PLAN is its JSON: network, module, sites
(where modules stand), tasks, batch (rows), rate (of Adam).
Prints one JSON line: accuracy of the base on the first task, seconds and processor seconds of each later task, and the final
accuracies.
"""

import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
folder, plan = sys.argv[1], json.loads(sys.argv[2])


def read(name):
    with open(f"{folder}/{name}", "rb") as file:
        return torch.frombuffer(bytearray(file.read()), dtype=torch.uint8)


def load(split):
    labels = read(f"{split}-labels").long()
    images = read(f"{split}-images").reshape(len(labels), 784).float().div_(255)
    return images, labels


class Adapter(nn.Module):
    """x + W_up relu(W_down x)."""

    def __init__(self, owner):
        super().__init__()
        self.down = linear(f"{owner}/down", f"{owner}/down-bias")
        self.up = linear(f"{owner}/up", f"{owner}/up-bias")

    def forward(self, x):
        return x + self.up(F.relu(self.down(x)))


class LowRank(nn.Module):
    """h A B."""

    def __init__(self, owner):
        super().__init__()
        self.a, self.b = linear(f"{owner}/down"), linear(f"{owner}/up")

    def forward(self, h):
        return self.b(self.a(h))


def added(modules, site, h, y):
    """What a layer puts out with the low-rank module at its site, if there is one."""
    return y + modules[site](h) if site in modules else y


class Mlp(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.layers = nn.ModuleList(dense(f"layer{i}/base") for i in range(len(hidden)))

    def forward(self, x, modules):
        for i, layer in enumerate(self.layers):
            y, site = layer(x), f"layer{i}"
            if site in modules and isinstance(modules[site], Adapter):
                y = modules[site](y)
            else:
                y = added(modules, site, x, y)
            x = F.relu(y)
        return x


class EncoderLayer(nn.Module):
    def __init__(self, name, heads):
        super().__init__()
        self.name, self.heads = name, heads
        self.norm1, self.norm2 = norm(f"{name}/norm1/base"), norm(f"{name}/norm2/base")
        self.qkv = dense(*(f"{name}/{part}/base" for part in ("query", "key", "value")))
        self.output, self.up, self.down = (dense(f"{name}/{part}/base") for part in ("output", "up", "down"))

    def forward(self, h, modules):
        batch, length, width = h.shape
        normed = self.norm1(h)
        packed = self.qkv(normed)
        if any(f"{self.name}/{part}" in modules for part in ("query", "key", "value")):
            parts = zip(("query", "key", "value"), packed.chunk(3, -1))
            packed = torch.cat([added(modules, f"{self.name}/{part}", normed, y) for part, y in parts], -1)
        q, k, v = packed.view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, length, width)
        h = h + self.output(mixed)
        inner = F.gelu(self.up(self.norm2(h)))
        fed = added(modules, f"{self.name}/down", inner, self.down(inner))
        block = f"{self.name}/feed-forward-block"
        return h + (modules[block](fed) if block in modules else fed)


class Encoder(nn.Module):
    def __init__(self, layers, heads, patch, **_):
        super().__init__()
        self.patch = patch
        self.embed = dense("patches/base")
        self.positions = nn.Parameter(parameter("patches/base/positions").unsqueeze(0))
        self.layers = nn.ModuleList(EncoderLayer(f"layer{i}", heads) for i in range(layers))
        self.norm = norm("norm/base")

    def forward(self, x, modules):
        n, p = 28 // self.patch, self.patch
        patches = x.view(-1, n, p, n, p).transpose(2, 3).reshape(-1, n * n, p * p)
        h = self.embed(patches) + self.positions
        for layer in self.layers:
            h = layer(h, modules)
        return self.norm(h).mean(1)


def parameter(path):
    """A parameter as it starts: kernels are [inputs, units]."""
    entry = shapes[path]
    with open(f"{folder}/{entry['file']}", "rb") as file:
        return torch.frombuffer(bytearray(file.read()), dtype=torch.float32).reshape(entry["shape"])


def linear(kernel, bias=None):
    return linear_of([parameter(kernel)], None if bias is None else [parameter(bias)])


def dense(*owners):
    """One linear layer from one owner, or from several side by side."""
    return linear_of([parameter(f"{owner}/kernel") for owner in owners], [parameter(f"{owner}/bias") for owner in owners])


def linear_of(kernels, biases):
    weight = torch.cat([kernel.reshape(-1, kernel.shape[-1]) for kernel in kernels], 1).T.contiguous()
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=biases is not None)
    layer.weight.data = weight
    if biases is not None:
        layer.bias.data = torch.cat(biases)
    return layer


def norm(owner):
    scale = parameter(f"{owner}/scale")
    layer = nn.LayerNorm(len(scale))
    layer.weight.data, layer.bias.data = scale, parameter(f"{owner}/bias")
    return layer


def accuracy(modules, head, task):
    chosen = torch.nonzero((test_y == 2 * task) | (test_y == 2 * task + 1)).squeeze(1)
    correct = 0
    with torch.no_grad():
        for start in range(0, len(chosen), 500):
            batch = chosen[start : start + 500]
            logits = head(base(test_x[batch], modules))
            correct += (logits.argmax(1) == test_y[batch] - 2 * task).sum().item()
    return correct / len(chosen)


train_x, train_y = load("train")
test_x, test_y = load("test")
with open(f"{folder}/start.json") as file:
    shapes = json.load(file)
with open(f"{folder}/orders.json") as file:
    orders = [[torch.tensor(epoch) for epoch in task] for task in json.load(file)]
network = {**plan["network"]}
base = {"mlp": Mlp, "transformer": Encoder}[network.pop("kind")](**network)
base.requires_grad_(False)
kind = {"adapter": Adapter, "low-rank": LowRank}[plan["module"]["kind"]]
learned = [(nn.ModuleDict(), dense("head/segment:0"))]
first = accuracy(*learned[0], 0)
timings = []
for task in range(1, plan["tasks"]):
    began, busy = time.perf_counter(), time.process_time()
    modules = nn.ModuleDict({site: kind(f"{site}/module:{task}") for site in plan["sites"]})
    head = dense(f"head/segment:{task}")
    optimizer = torch.optim.Adam([*head.parameters(), *modules.parameters()], lr=plan["rate"])
    for order in orders[task]:
        for start in range(0, len(order), plan["batch"]):
            batch = order[start : start + plan["batch"]]
            loss = F.cross_entropy(head(base(train_x[batch], modules)), train_y[batch] - 2 * task)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    learned.append((modules, head))
    accuracies = [accuracy(*learned[seen], seen) for seen in range(task + 1)]
    timings.append({"clock": time.perf_counter() - began, "processor": time.process_time() - busy})
print(json.dumps({"first": first, "tasks": timings, "accuracies": accuracies, "version": torch.__version__}))
