"""Teach mmengine to read safetensors: ``load_from`` and ``init_cfg`` then take such files, too."""

from typing import Any

from mmengine.runner.checkpoint import CheckpointLoader

from ..utils.checkpoint import load_checkpoint


@CheckpointLoader.register_scheme(prefixes=r'.*\.safetensors$', force=True)
def load_from_safetensors(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Weights of a safetensors file in the layout of mmengine's checkpoints, on the CPU."""
    return {'state_dict': load_checkpoint(filename), 'meta': {}}
