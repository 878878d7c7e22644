"""What fewer digits of the features do to the masks of real pictures.

    python benchmarks/precision.py configs/primaps_mobilenetv2_camvid.py --pictures 40

The features of the config's backbone are rounded to each type and back, as a store or a backbone of that type would
leave them; masks are always computed in float32. A pixel is the same where it belongs to the same mask as without
rounding.
"""

import argparse
import statistics

import torch
from torch import Tensor

from mmseg_primaps import ops
from mmseg_primaps.apis import build_runner, load_config
from mmseg_primaps.apis.train import load_model
from mmseg_primaps.engine.clean_pictures import CleanPictures, backbone_features, rgb_pictures
from mmseg_primaps.engine.hooks.mask_proposal_hook import proposal_index
from mmseg_primaps.utils import progress

TYPES = (torch.float16, torch.bfloat16, torch.float8_e4m3fn)


def owners(masks: Tensor) -> Tensor:
    """Number of the first mask of each point `[B, h, w]` of `[B, N, h, w]`, -1 where there is none."""
    taken = masks > 0
    return torch.where(taken.any(1), taken.int().argmax(1), -1)


def same(left: Tensor, right: Tensor) -> float:
    """Percentage of equal entries."""
    return float((left == right).float().mean()) * 100


def main() -> None:
    """Parse the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file: data and backbone')
    parser.add_argument('--pictures', type=int, default=40)
    parser.add_argument('--work-dir', default='work_dirs/precision')
    options = parser.parse_args()
    runner = build_runner(load_config(options.config, None, options.work_dir))
    runner.call_hook('before_run')
    model = load_model(runner)
    pictures = CleanPictures(runner.build_dataloader(runner.cfg.train_dataloader).dataset)
    count = min(options.pictures, len(pictures))
    grid: dict[torch.dtype, list[float]] = {dtype: [] for dtype in TYPES}
    final: dict[torch.dtype, list[float]] = {dtype: [] for dtype in TYPES}
    for batch in progress(pictures.batches(range(count), 1), 'pictures', count):
        features = backbone_features(model, batch, proposal_index(model))
        photographs = rgb_pictures(batch).to(features.device)
        masks, proposals = owners(ops.principal_masks(features)), ops.mask_proposals(features, photographs)
        for dtype in TYPES:
            rounded = features.to(dtype).float()
            grid[dtype].append(same(owners(ops.principal_masks(rounded)), masks))
            final[dtype].append(same(ops.mask_proposals(rounded, photographs), proposals))
    print(
        f'{count} pictures, % of equal pixels: masks on the patch grid (mean, least), proposals after CRF (mean, least)'
    )
    for dtype in TYPES:
        figures = [f'{statistics.mean(values):.2f} {min(values):.2f}' for values in (grid[dtype], final[dtype])]
        print(f'{str(dtype).removeprefix("torch.")}: {figures[0]}; {figures[1]}')


if __name__ == '__main__':
    main()
