"""What is clustered: features of any block, attention, tokens; and what stands in for them in other networks."""

import pytest
import torch
from mmseg.registry import MODELS

from mmseg_primaps.models.backbones import TimmViT
from mmseg_primaps.models.lightcluster import LightClusterOptions, patch_features, saliency_source
from tests.lightcluster_case import TINY_VIT

IMAGES = torch.randn(2, 3, 96, 64, generator=torch.Generator().manual_seed(0))


def vit(**options: object) -> TimmViT:
    torch.manual_seed(0)
    return MODELS.build({**TINY_VIT, **options}).eval()


class Plain(torch.nn.Module):
    """A network that pads with zeros, as most do."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(*(torch.nn.Conv2d(3, 3, 3, 2, 1) for _ in range(3)))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """One bare map."""
        return self.layers(images)


@pytest.mark.parametrize('feature', ['query', 'key', 'value', 'token'])
@pytest.mark.parametrize('block', [0, -1])
def test_each_feature_of_each_block_is_the_backbones_own(feature: str, block: int) -> None:
    backbone = vit(feature=feature, out_indices=(block,))
    patches = patch_features(backbone, IMAGES, LightClusterOptions(spherical=False, precision='float32'))
    torch.testing.assert_close(patches.features, backbone(IMAGES)[0])
    torch.testing.assert_close(patches.token, backbone.cls_token(IMAGES, block))
    attention = backbone.cls_attention(IMAGES, block).mean(dim=1)
    torch.testing.assert_close(patches.saliency, attention / attention.mean(dim=(1, 2), keepdim=True))


def test_several_features_are_side_by_side() -> None:
    backbone = vit(feature=('query', 'key'))
    assert patch_features(backbone, IMAGES, LightClusterOptions()).features.shape == (2, 96, 6, 4)


def test_spherical_features_have_unit_length_and_disk_precision() -> None:
    features = patch_features(vit(), IMAGES, LightClusterOptions()).features
    torch.testing.assert_close(features.norm(dim=1), torch.ones(2, 6, 4), atol=1e-3, rtol=0)
    assert torch.equal(features, features.half().float())


def test_a_network_without_cls_gives_length_and_mean_of_its_features() -> None:
    backbone = Plain().eval()
    options = LightClusterOptions(spherical=False, precision='float32', margin=0)
    patches = patch_features(backbone, IMAGES, options)
    features = backbone(IMAGES)
    torch.testing.assert_close(patches.features, features)
    torch.testing.assert_close(patches.token, features.mean(dim=(2, 3)))
    length = features.norm(dim=1)
    torch.testing.assert_close(patches.saliency, length / length.mean(dim=(1, 2), keepdim=True))


def test_vits_and_others_name_their_saliency() -> None:
    assert saliency_source(vit()) == 'CLS attention'
    assert saliency_source(Plain()) == 'feature norm'


def test_mirrored_edges_leave_no_trace_of_zero_padding() -> None:
    torch.manual_seed(0)
    backbone, flat = Plain().eval(), torch.ones(1, 3, 96, 64)
    traces = {
        margin: patch_features(backbone, flat, LightClusterOptions(spherical=False, precision='float32', margin=margin))
        for margin in (0, 32)
    }
    spread = {margin: float(found.features.std(dim=(2, 3)).max()) for margin, found in traces.items()}
    assert traces[0].features.shape == traces[32].features.shape == (1, 3, 12, 8)
    assert spread[32] < 1e-6 < spread[0]


def test_pictures_smaller_than_the_margin_are_taken_as_they_are() -> None:
    features = patch_features(Plain().eval(), IMAGES[..., :32], LightClusterOptions(margin=64)).features
    assert features.shape == (2, 3, 12, 4)


def test_the_inside_of_a_mirrored_picture_is_as_before() -> None:
    backbone = Plain().eval()
    plain, mirrored = (
        patch_features(backbone, IMAGES, LightClusterOptions(spherical=False, precision='float32', margin=margin))
        for margin in (0, 32)
    )
    torch.testing.assert_close(plain.features[:, :, 2:-2, 2:-2], mirrored.features[:, :, 2:-2, 2:-2])
