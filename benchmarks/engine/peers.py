"""Times the networks of the benchmark in PyTorch. Reads `name threads steps` lines, answers each with a JSON list of step times in ms."""

import json
import math
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


def mlp(widths):
    layers = []
    for i, (a, b) in enumerate(zip(widths, widths[1:])):
        layers += ([nn.ReLU()] if i else []) + [nn.Linear(a, b)]
    return nn.Sequential(*layers)


def cnn():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Linear(128, 10),
    )


class Block(nn.Module):
    def __init__(self, width, to, stride):
        super().__init__()
        self.a = nn.Sequential(nn.Conv2d(width, to, 3, stride, 1, bias=False), nn.BatchNorm2d(to))
        self.b = nn.Sequential(nn.Conv2d(to, to, 3, 1, 1, bias=False), nn.BatchNorm2d(to))
        self.skip = (
            nn.Sequential(nn.Conv2d(width, to, 1, stride, bias=False), nn.BatchNorm2d(to)) if width != to else nn.Identity()
        )

    def forward(self, x):
        return F.relu(self.b(F.relu(self.a(x))) + self.skip(x))


class ResNet(nn.Module):
    def __init__(self, base):
        super().__init__()
        layers = [nn.Conv2d(3, base, 3, 1, 1, bias=False), nn.BatchNorm2d(base), nn.ReLU()]
        width = base
        for stage in range(4):
            for block in range(2):
                to = base * 2**stage
                layers.append(Block(width, to, 2 if stage > 0 and block == 0 else 1))
                width = to
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        return self.head(self.body(x).mean((2, 3)))


class LoRA(nn.Module):
    def __init__(self, base, rank=8):
        super().__init__()
        self.base = base
        self.down = nn.Parameter(torch.randn(base.in_features, rank) / math.sqrt(base.in_features))
        self.up = nn.Parameter(torch.zeros(rank, base.out_features))

    def forward(self, x):
        return self.base(x) + (x @ self.down) @ self.up


class Layer(nn.Module):
    def __init__(self, width, heads, tuning):
        super().__init__()
        self.heads = heads
        self.norm0, self.norm1 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        if tuning != "full":
            for parameter in self.parameters():
                parameter.requires_grad_(False)
        if tuning == "lora":
            self.query, self.value = LoRA(self.query), LoRA(self.value)
        self.adapter = nn.Sequential(nn.Linear(width, 16), nn.ReLU(), nn.Linear(16, width)) if tuning == "adapter" else None

    def forward(self, h):
        n, t, width = h.shape
        x = self.norm0(h)
        q, k, v = (f(x).view(n, t, self.heads, -1).transpose(1, 2) for f in (self.query, self.key, self.value))
        h = h + self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, t, width))
        y = self.down(F.gelu(self.up(self.norm1(h))))
        return h + (y if self.adapter is None else y + self.adapter(y))


class Encoder(nn.Module):
    def __init__(self, tuning, layers=4, width=128, heads=4, tokens=64, vocabulary=256):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.position = nn.Parameter(torch.randn(tokens, width) * 0.1, requires_grad=tuning == "full")
        self.embedding.weight.requires_grad_(tuning == "full")
        self.layers = nn.Sequential(*(Layer(width, heads, tuning) for _ in range(layers)))
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        return self.head(self.layers(self.embedding(x) + self.position).mean(1))


MODELS = {
    "mlp-256-b10": lambda: (mlp([784, 256, 256, 10]), torch.randn(10, 784)),
    "mlp-256-b128": lambda: (mlp([784, 256, 256, 10]), torch.randn(128, 784)),
    "mlp-1024-b128": lambda: (mlp([784, 1024, 1024, 10]), torch.randn(128, 784)),
    "cnn-b64": lambda: (cnn(), torch.randn(64, 1, 28, 28)),
    "resnet18-20-b32": lambda: (ResNet(20), torch.randn(32, 3, 32, 32)),
    "encoder-full": lambda: (Encoder("full"), torch.randint(256, (32, 64))),
    "encoder-lora": lambda: (Encoder("lora"), torch.randint(256, (32, 64))),
    "encoder-adapter": lambda: (Encoder("adapter"), torch.randint(256, (32, 64))),
}


def prepare(name):
    torch.manual_seed(7)
    model, x = MODELS[name]()
    y = torch.randint(10, (x.shape[0],))
    optimiser = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.01)

    def step():
        optimiser.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimiser.step()
        return loss.item()

    return step


def main():
    print(json.dumps({"torch": torch.__version__}), flush=True)
    prepared = {}
    for line in sys.stdin:
        name, threads, steps = line.split()
        torch.set_num_threads(int(threads))
        if name not in prepared:
            prepared[name] = prepare(name)
        times = []
        for _ in range(int(steps)):
            start = time.perf_counter()
            prepared[name]()
            times.append((time.perf_counter() - start) * 1000)
        print(json.dumps(times), flush=True)


if __name__ == "__main__":
    main()
