"""Several processes get, each of them, what one process gets."""

import os
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from mmseg_primaps.ops import (
    FeatureSample,
    ProposalAgreement,
    StreamingPCA,
    distributed,
    kmeans,
    loss_of_all_processes,
    mean_over_processes,
    merge_over_processes,
    process_count,
    prototype_focal_loss,
    sum_over_processes,
    sums_of_all_processes,
)


def leave() -> None:
    """End this process when all are done, and at once: torch 2.5 now and then hangs when it takes gloo down."""
    dist.barrier()
    os._exit(0)


def draw() -> torch.Tensor:
    return torch.randn(9, 6, 4, 4, generator=torch.Generator().manual_seed(0))


def cluster_and_decompose(rank: int, processes: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group('gloo', init_method=f'file://{folder}/meet', rank=rank, world_size=processes)
    features, mine = draw(), torch.arange(rank, 9, processes)

    def read() -> list[tuple[torch.Tensor, torch.Tensor]]:
        return [(features[mine], mine)]

    found = [
        kmeans(read, 4, spherical=spherical, sample_size=40, minibatch=minibatch, reduce=merge_over_processes)
        for spherical in (True, False)
        for minibatch in (False, True)
    ]
    pca = merge_over_processes(StreamingPCA().update(features[mine]))
    torch.save([[(one.centres, one.counts) for one in found], pca.components(3)], f'{folder}/{rank}.pt')
    leave()


@pytest.mark.parametrize('processes', [2, 3])
def test_every_process_gets_the_clusters_and_components_of_one_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    # States of a few hundred numbers then travel in many pieces.
    monkeypatch.setattr(distributed, '_PIECE', 7)
    # Forked, because a spawned process imports everything again.
    mp.start_processes(cluster_and_decompose, (processes, str(tmp_path)), nprocs=processes, start_method='fork')
    alone = [kmeans(draw(), 4, spherical=spherical, sample_size=40) for spherical in (True, False)]
    components = StreamingPCA().update(draw()).components(3)
    results = [torch.load(tmp_path / f'{rank}.pt', weights_only=True) for rank in range(processes)]
    for found, pca in results:
        for one, (centres, counts) in zip(alone, found[::2], strict=True):
            assert torch.equal(centres, one.centres)
            assert torch.equal(counts, one.counts)
        for first, second in zip(results[0][0], found, strict=True):
            assert torch.equal(first[0], second[0])
        # Sums of floating-point numbers depend on their order, which all processes share.
        assert torch.equal(pca, results[0][1])
        assert torch.allclose(pca, components, atol=1e-5)


# Pictures of each process: parts of different size, as the last batch may have.
PARTS = {2: (3, 6), 3: (2, 3, 4)}


def focal_case() -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and labels of nine pictures, some pixels without a label."""
    target = torch.randint(0, 6, (9, 4, 4), generator=torch.Generator().manual_seed(1))
    target[torch.rand(9, 4, 4, generator=torch.Generator().manual_seed(2)) < 0.2] = 255
    return draw().requires_grad_(), target


def count_and_train(rank: int, processes: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group('gloo', init_method=f'file://{folder}/meet', rank=rank, world_size=processes)
    logits, target = focal_case()
    start = sum(PARTS[processes][:rank])
    part = slice(start, start + PARTS[processes][rank])
    pixels = target[part].numel()
    frequencies = partial(mean_over_processes, weight=pixels)
    loss = loss_of_all_processes(prototype_focal_loss(logits[part], target[part], frequencies=frequencies), pixels)
    loss.backward()
    # What data-parallel training does with gradients.
    gradient = sum_over_processes(logits.grad) / process_count()
    own = ProposalAgreement(6).update(logits[part].argmax(dim=1), target[part] + 1)
    together = sums_of_all_processes(own)
    found = [loss.detach(), gradient, mean_over_processes(logits[part].mean(), pixels).detach()]
    torch.save([*found, together.sizes, own.sizes, process_count()], f'{folder}/{rank}.pt')
    leave()


@pytest.mark.parametrize('processes', [2, 3])
def test_loss_gradient_mean_and_counts_are_those_of_the_whole_batch(tmp_path: Path, processes: int) -> None:
    mp.start_processes(count_and_train, (processes, str(tmp_path)), nprocs=processes, start_method='fork')
    logits, target = focal_case()
    loss = prototype_focal_loss(logits, target)
    loss.backward()
    whole = ProposalAgreement(6).update(logits.argmax(dim=1), target + 1)
    results = [torch.load(tmp_path / f'{rank}.pt', weights_only=True) for rank in range(processes)]
    for value, gradient, mean, sizes, _, count in results:
        torch.testing.assert_close(value, loss.detach())
        torch.testing.assert_close(gradient, logits.grad)
        torch.testing.assert_close(mean, logits.detach().mean())
        assert torch.equal(sizes, whole.sizes)
        assert count == processes
        assert torch.equal(value, results[0][0])
    # What each process counted itself is left as it was.
    assert torch.equal(sum(result[4] for result in results), whole.sizes)
    assert not torch.equal(results[0][4], whole.sizes)


@pytest.mark.parametrize(('backend', 'device'), [('gloo', 'cpu'), ('nccl', 'cuda')])
def test_what_lies_on_the_cpu_is_added_up_where_the_backend_can(
    monkeypatch: pytest.MonkeyPatch, backend: str, device: str
) -> None:
    monkeypatch.setattr(dist, 'get_backend', lambda: backend)
    assert distributed._meeting_device(torch.ones(2)) == torch.device(device)


def test_without_a_process_group_nothing_happens() -> None:
    pca, counts, values = StreamingPCA(), ProposalAgreement(3), torch.ones(2)
    assert process_count() == 1
    assert merge_over_processes(pca) is pca
    assert sums_of_all_processes(counts) is counts
    assert sum_over_processes(values) is values
    assert mean_over_processes(values, 5) is values
    assert loss_of_all_processes(values, 5) is values


def test_a_state_travels_in_pieces_and_comes_out_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []

    def broadcast(box: list, src: int) -> None:
        sent.append(box[0].numel() if isinstance(box[0], torch.Tensor) else 0)

    part = FeatureSample(30).update(draw(), torch.arange(9))
    monkeypatch.setattr(distributed, '_PIECE', 100)
    monkeypatch.setattr(dist, 'broadcast_object_list', broadcast)
    monkeypatch.setattr(dist, 'get_rank', lambda: 0)
    received = distributed._broadcast_state(part.state_dict(), 0)
    assert max(sent) == 100
    assert received.keys() == part.state_dict().keys()
    for name, value in part.state_dict().items():
        assert torch.equal(received[name], value)
        assert received[name].dtype == value.dtype
