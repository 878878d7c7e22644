"""Several processes get, each of them, what one process gets."""

from functools import partial
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from mmseg_primaps.ops import (
    ProposalAgreement,
    StreamingPCA,
    kmeans,
    loss_of_all_processes,
    mean_over_processes,
    merge_over_processes,
    process_count,
    prototype_focal_loss,
    sum_over_processes,
    sums_of_all_processes,
)


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
    dist.destroy_process_group()


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


def test_without_a_process_group_nothing_happens() -> None:
    pca = StreamingPCA()
    assert merge_over_processes(pca) is pca


def test_a_state_travels_in_pieces_and_comes_out_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []

    def broadcast(box: list, src: int) -> None:
        sent.append(box[0].numel() if isinstance(box[0], torch.Tensor) else 0)

    monkeypatch.setattr(distributed, '_PIECE', 100)
    monkeypatch.setattr(dist, 'is_initialized', lambda: True)
    monkeypatch.setattr(dist, 'get_world_size', lambda: 2)
    monkeypatch.setattr(dist, 'get_rank', lambda: sent.count(0))
    part = FeatureSample(30).update(draw(), torch.arange(9))
    merged = merge_over_processes(part)
    assert merged.seen == 2 * part.seen
    assert torch.equal(merged.rows(), part.rows()[:1].expand(0, 6)) is False
    assert max(sent) == 100
