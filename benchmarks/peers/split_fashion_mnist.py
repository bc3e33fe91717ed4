"""The same experiment as a plain PyTorch loop, all data in memory as float32: 5 tasks x 2 classes, one epoch each,
MLP 784-256-256-10, batch 128, SGD 0.1, evaluation of all 10,000 test images after each task. One thread.

Usage: split_fashion_mnist.py FOLDER REPEATS, where FOLDER holds raw bytes written by split-fashion-mnist.mjs.
Prints one JSON line: seconds of each repeat, and the final accuracy.
"""

import json
import sys
import time

import torch

torch.set_num_threads(1)
folder, repeats = sys.argv[1], int(sys.argv[2])


def read(name):
    with open(f"{folder}/{name}", "rb") as file:
        return torch.frombuffer(bytearray(file.read()), dtype=torch.uint8)


def load(split):
    labels = read(f"{split}-labels").long()
    images = read(f"{split}-images").reshape(len(labels), 784).float().div_(255)
    return images, labels


train_x, train_y = load("train")
test_x, test_y = load("test")
tasks = [torch.nonzero((train_y == 2 * t) | (train_y == 2 * t + 1)).squeeze(1) for t in range(5)]


def accuracy(model):
    correct = 0
    with torch.no_grad():
        for start in range(0, len(test_y), 500):
            logits = model(test_x[start : start + 500])
            correct += (logits.argmax(1) == test_y[start : start + 500]).sum().item()
    return correct / len(test_y)


def run(seed):
    torch.manual_seed(seed)
    model = torch.nn.Sequential(
        torch.nn.Linear(784, 256),
        torch.nn.ReLU(),
        torch.nn.Linear(256, 256),
        torch.nn.ReLU(),
        torch.nn.Linear(256, 10),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for rows in tasks:
        order = rows[torch.randperm(len(rows))]
        for start in range(0, len(order), 128):
            batch = order[start : start + 128]
            loss = torch.nn.functional.cross_entropy(model(train_x[batch]), train_y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        final = accuracy(model)
    return final


run(0)
seconds = []
for repeat in range(repeats):
    began = time.perf_counter()
    final = run(repeat)
    seconds.append(time.perf_counter() - began)
print(json.dumps({"seconds": seconds, "accuracy": final, "version": torch.__version__}))
