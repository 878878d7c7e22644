"""What a data set of any size costs, from the cost of one picture measured here: the figures of docs/scale.md.

    python benchmarks/scale.py [--images N ...] [--epochs 50] [--backbone dino_vits8] [--classes 27] [--json F]

One thread of the CPU does all the work, and its own time is counted, so that a busy machine changes little.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from mmseg_primaps import ops
from mmseg_primaps.datasets.reading import read_label
from mmseg_primaps.datasets.transforms import LoadCheckedImage, ResizeShortSide
from mmseg_primaps.engine.feature_store import SHARD, FeatureStore
from mmseg_primaps.models.backbones import TimmViT

SIZE, REPEATS = 320, 3


def cost(work: Callable[[], Any], count: int = 1) -> float:
    """Seconds of CPU time of one of ``count`` pictures that a call works on, the median of several calls."""
    work()
    spent = []
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return statistics.median(spent) / count


def pictures(folder: Path, count: int) -> list[str]:
    """JPEG files of COCO's size: smooth shapes with noise."""
    draw, names = np.random.default_rng(0), []
    for number in range(count):
        coarse = draw.integers(0, 255, (8, 10, 3)).astype(np.uint8)
        smooth = np.asarray(Image.fromarray(coarse).resize((640, 480), Image.Resampling.NEAREST), dtype=np.float64)
        picture = (smooth + draw.normal(0, 12, smooth.shape)).clip(0, 255).astype(np.uint8)
        names.append(str(folder / f'{number}.jpg'))
        Image.fromarray(picture).save(names[-1], quality=90)
    return names


def load(name: str) -> torch.Tensor:
    """A picture as training sees it, RGB ``[3, H, W]`` uint8."""
    found = ResizeShortSide(size=SIZE)(LoadCheckedImage()({'img_path': name}))
    picture = found['img'][:SIZE, :SIZE, ::-1]
    return torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)


def measure(backbone: str, classes: int, folder: Path, batch: int = 4) -> dict[str, float]:
    """Seconds and bytes of one picture, by what they are spent on."""
    torch.manual_seed(0)
    names = pictures(folder, batch)
    images = torch.stack([load(name) for name in names])
    vit = TimmViT(backbone).eval()
    with torch.no_grad():
        features = vit(images[:1].float() / 128 - 1)[0]
    # tokens of untrained blocks are nearly alike; features that follow the picture give a usual number of masks
    coarse = torch.nn.functional.adaptive_avg_pool2d(images.float(), features.shape[-2:]) / 128 - 1
    lifted = torch.einsum('bchw,kc->bkhw', coarse, torch.randn(features.shape[1], 3))
    features = lifted + 0.5 * torch.randn_like(lifted)
    masks = ops.principal_masks(features)
    proposals = ops.refine_masks(masks, images)
    Image.fromarray(proposals[0].byte().numpy()).save(folder / 'proposals.png')
    prototypes = torch.randn(classes, features.shape[1], requires_grad=True)

    def em() -> None:
        labels = ops.upsampled_argmax(ops.prototype_logits(features, prototypes.detach()), (SIZE, SIZE))
        target = ops.majority_vote(labels, proposals, classes)
        ops.prototype_focal_loss(ops.prototype_logits(features, prototypes), target).backward()

    def kmeans() -> None:
        ops.cosine_kmeans_loss(features, prototypes).backward()

    stored = np.lib.format.open_memmap(
        folder / 'features.npy', mode='w+', dtype=np.float32, shape=(batch, *features.shape[1:])
    )
    stored[:] = features.numpy()

    def read() -> None:
        for values in stored:
            torch.from_numpy(np.array(values))
            read_label(str(folder / 'proposals.png'))

    def backbone_pass() -> None:
        with torch.no_grad():
            vit(images[:1].float() / 128 - 1)

    return {
        'load': cost(lambda: [load(name) for name in names], batch),
        'backbone': cost(backbone_pass),
        'masks': cost(lambda: ops.principal_masks(features), batch),
        'crf': cost(lambda: ops.refine_masks(masks, images), batch),
        'pca': cost(lambda: ops.StreamingPCA().update(features), batch),
        'kmeans': cost(kmeans, batch),
        'read': cost(read, batch),
        'em': cost(em, batch),
        'proposal_bytes': (folder / 'proposals.png').stat().st_size,
        'feature_bytes': features[0].numel() * features.element_size(),
        'index_bytes': index_bytes(folder),
    }


def index_bytes(folder: Path, count: int = 20000) -> float:
    """Memory of one picture's entry in a feature store and of its name in a list."""
    import tracemalloc

    tracemalloc.start()
    names = [f'/data/pictures/train2017/{number:012d}.jpg' for number in range(count)]
    store = FeatureStore(folder, {}, Path('/data/pictures'))
    sizes = [(480, 640), (640, 480), (427, 640)]
    for first in range(0, count, SHARD):
        shard = f'0-{first:016x}'
        for row, name in enumerate(names[first : first + SHARD]):
            store.places[store._key(name)] = (shard, row, sizes[row % 3])
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return used / count


def whole(c: dict[str, float], images: int, epochs: int) -> dict[str, float]:
    """Hours of one processor core, and gigabytes, of a run on ``images`` pictures."""
    hours = images / 3600
    return {
        'images': images,
        'features of two views': hours * (c['load'] + 2 * c['backbone']),
        'proposals': hours * (c['load'] + c['masks'] + c['crf']),
        'start (PCA of all, 2 epochs of k-means)': hours * (c['pca'] + 2 * c['kmeans'] + 3 * c['read']),
        f'EM from the store, {epochs} epochs': hours * epochs * (c['read'] + c['em']),
        f'EM without a store, {epochs} epochs': hours * epochs * (c['load'] + c['backbone'] + c['em']),
        'disk: proposals, GB': images * c['proposal_bytes'] / 1e9,
        'disk: two views float32, GB': images * 2 * c['feature_bytes'] / 1e9,
        'disk: two views float16, GB': images * c['feature_bytes'] / 1e9,
        'memory: names and index, GB a process': images * c['index_bytes'] / 1e9,
    }


def main() -> None:
    """Measure, multiply and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--images', type=int, nargs='+', default=[49629, 10_000_000])
    parser.add_argument('--epochs', type=int, default=50)
    parser.add_argument('--backbone', default='dino_vits8')
    parser.add_argument('--classes', type=int, default=27)
    parser.add_argument('--json', type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        costs = measure(args.backbone, args.classes, Path(folder))
    for name, value in costs.items():
        print(f'{name:16s} {value:.6g}' + ('' if name.endswith('bytes') else ' s'))
    rows = [whole(costs, images, args.epochs) for images in args.images]
    for key in rows[0]:
        print(f'{key:42s}' + ''.join(f'{row[key]:16,.1f}' for row in rows))
    if args.json:
        args.json.write_text(json.dumps({'costs': costs, 'wholes': rows}, indent=1))


if __name__ == '__main__':
    main()
