"""Several processes get, each of them, what one process gets."""

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from mmseg_primaps.ops import StreamingPCA, kmeans, merge_over_processes


def draw() -> torch.Tensor:
    return torch.randn(9, 6, 4, 4, generator=torch.Generator().manual_seed(0))


def cluster_and_decompose(rank: int, processes: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group('gloo', init_method=f'file://{folder}/meet', rank=rank, world_size=processes)
    features, mine = draw(), torch.arange(rank, 9, processes)

    def read() -> list[tuple[torch.Tensor, torch.Tensor]]:
        return [(features[mine], mine)]

    result = kmeans(read, 4, sample_size=40, reduce=merge_over_processes)
    pca = merge_over_processes(StreamingPCA().update(features[mine]))
    torch.save([result.centres, result.counts, pca.components(3)], f'{folder}/{rank}.pt')
    dist.destroy_process_group()


def test_kmeans_and_components_of_two_processes_are_those_of_one(tmp_path: Path) -> None:
    # Forked, because a spawned process imports everything again.
    mp.start_processes(cluster_and_decompose, (2, str(tmp_path)), nprocs=2, start_method='fork')
    alone = kmeans(draw(), 4, sample_size=40)
    for rank in range(2):
        centres, counts, components = torch.load(tmp_path / f'{rank}.pt', weights_only=True)
        assert torch.equal(centres, alone.centres)
        assert torch.equal(counts, alone.counts)
        assert torch.allclose(components, StreamingPCA().update(draw()).components(3), atol=1e-5)


def test_without_a_process_group_nothing_happens() -> None:
    pca = StreamingPCA()
    assert merge_over_processes(pca) is pca


def test_states_are_merged_in_the_order_of_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [StreamingPCA().update(part) for part in (draw()[:4], draw()[4:])]

    def broadcast(box: list, src: int) -> None:
        box[0] = parts[src].state_dict()

    monkeypatch.setattr(dist, 'is_initialized', lambda: True)
    monkeypatch.setattr(dist, 'get_world_size', lambda: 2)
    monkeypatch.setattr(dist, 'broadcast_object_list', broadcast)
    merged = merge_over_processes(parts[0])
    assert merged.count == 9 * 16
    assert torch.allclose(merged.scatter, StreamingPCA().update(draw()).scatter)
