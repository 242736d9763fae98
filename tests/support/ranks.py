"""Processes that compute together: forked, so that PyTorch is imported once, and joined over gloo."""

import multiprocessing
import os
import traceback

import torch
from torch import distributed

from koubai.engines.torch.ranks import TorchRanks


def in_ranks(size, work, folder):
    """Run work(ranks) in `size` processes and return what each returned, or its traceback."""
    context = multiprocessing.get_context("fork")
    store, pipes, processes = folder / "store", [], []
    for rank in range(size):
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=_run, args=(there, str(store), rank, size, work))
        process.start()
        there.close()
        pipes.append(here)
        processes.append(process)
    try:
        return [_received(pipe) for pipe in pipes]
    finally:
        for process in processes:
            process.kill()
            process.join()


def _received(pipe):
    try:
        return pipe.recv() if pipe.poll(120) else "said nothing"
    except EOFError:
        return "ended without a word"


def _run(pipe, store, rank, size, work):
    torch.set_num_threads(1)
    try:
        distributed.init_process_group(
            "gloo", store=distributed.FileStore(store, size), rank=rank, world_size=size
        )
        pipe.send(work(TorchRanks()))
    except BaseException:
        pipe.send(traceback.format_exc())
    finally:
        os._exit(0)  # what pytest set up is not ours to end
