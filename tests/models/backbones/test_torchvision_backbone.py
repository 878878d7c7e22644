"""Feature maps of torchvision's networks."""

from pathlib import Path

import pytest
import torch
from torchvision.models import squeezenet1_1

from mmseg_primaps.models.backbones import TorchvisionBackbone
from mmseg_primaps.utils import InputError


def test_real_half_precision_weights_give_torchvisions_features(shared: Path) -> None:
    file = shared / 'weights' / 'squeezenet1_1_torchvision_fp16.pt'
    backbone = TorchvisionBackbone('squeezenet1_1', ['features.7', 'features.12'], checkpoint=str(file)).eval()
    network = squeezenet1_1().eval()
    network.load_state_dict(torch.load(file, weights_only=True))
    images = torch.randn(1, 3, 96, 128)
    maps = backbone(images)
    assert torch.allclose(maps[0], network.features[:8](images), atol=1e-5)
    assert torch.allclose(maps[1], network.features(images), atol=1e-5)
    assert backbone.out_channels == (maps[0].shape[1], maps[1].shape[1]) == (256, 512)
    assert all(value.dtype == torch.float32 for value in backbone.state_dict().values())


def test_a_module_stands_for_its_last_node_and_keys_keep_their_names() -> None:
    backbone = TorchvisionBackbone('resnet18', ['layer1', 'layer2.1.relu_1'])
    assert [tuple(m.shape) for m in backbone(torch.zeros(1, 3, 64, 64))] == [(1, 64, 16, 16), (1, 128, 8, 8)]
    assert 'body.layer1.0.conv1.weight' in backbone.state_dict()
    assert not any('layer3' in key or 'fc' in key for key in backbone.state_dict())


def test_building_leaves_the_running_statistics_and_init_weights_the_weights() -> None:
    backbone = TorchvisionBackbone('resnet18', ['layer1'])
    state = {key: value.clone() for key, value in backbone.state_dict().items()}
    backbone.init_weights()
    assert backbone.body.training
    assert state['body.bn1.num_batches_tracked'] == 0
    assert all(torch.equal(value, state[key]) for key, value in backbone.state_dict().items())


@pytest.mark.parametrize(
    ('name', 'layers', 'reason'),
    [
        ('sqeezenet1_1', ['features.12'], 'squeezenet1_1'),
        ('squeezenet1_1', ['feature.12'], 'features.12'),
        ('squeezenet1_1', [], 'layers is empty'),
        ('squeezenet1_1', ['flatten'], 'no feature map'),
    ],
)
def test_a_wrong_name_or_layer_lists_close_ones(name: str, layers: list[str], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        TorchvisionBackbone(name, layers)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    torch.save({'conv1.weight': torch.zeros(1)}, tmp_path / 'w.pth')
    with pytest.raises(InputError, match='squeezenet1_1') as caught:
        TorchvisionBackbone('squeezenet1_1', ['features.12'], checkpoint=str(tmp_path / 'w.pth'))
    assert '\n' not in str(caught.value)


def test_weights_that_cannot_be_downloaded_name_the_option(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise OSError('no route')

    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    monkeypatch.setattr(torch.hub, 'download_url_to_file', no_network)
    with pytest.raises(InputError, match='checkpoint='):
        TorchvisionBackbone('squeezenet1_1', ['features.12'], pretrained=True)
