"""The student view: blur, colour jitter or grey, batched, with parameters of each picture's own."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms import functional as vision

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
PRESETS = ('paper', 'fixed')
_ADJUST = (vision.adjust_brightness, vision.adjust_contrast, vision.adjust_saturation, vision.adjust_hue)


@dataclass(frozen=True)
class PhotometricParameters:
    """What is done to each of B pictures; all tensors on the CPU."""

    sigma: Tensor
    """Standard deviation of the blur in pixels, `[B]`."""
    jitter: Tensor
    """Whether colours are jittered, bool `[B]`."""
    grey: Tensor
    """Whether the picture becomes grey, bool `[B]`."""
    amounts: Tensor
    """Factors of brightness, contrast and saturation, and the shift of the hue in turns, `[B, 4]`."""
    order: Tensor
    """The order in which these four are applied, a permutation of 0..3 in each row, `[B, 4]`."""


def draw_photometric(
    count: int,
    generator: torch.Generator | None = None,
    sigma: tuple[float, float] = (0.1, 2.0),
    jitter_branch: float = 0.5,
    jitter: float = 0.3,
    grey: float = 0.1,
    strength: float = 0.1,
) -> PhotometricParameters:
    """Draw the parameters of `count` student views; n draws of one picture equal one draw of n.

    The defaults are the published ones: always a blur; then, with `jitter_branch`, a branch that jitters with
    probability `jitter`, otherwise a branch that makes grey with probability `grey`: 15 % jittered, 5 % grey.

    Args:
        count: Number of pictures B.
        generator: CPU generator; torch's global one where not given.
        sigma: Range of the blur's standard deviation in pixels.
        jitter_branch: Probability of the branch that may jitter.
        jitter: Probability that this branch does.
        grey: Probability that the other branch makes grey.
        strength: Largest change of brightness, contrast and saturation, and of the hue in turns (at most 0.5).
    """
    uniform = torch.rand(count, 11, generator=generator)
    branch, fires = uniform[:, 1] < jitter_branch, uniform[:, 2]
    return PhotometricParameters(
        sigma=sigma[0] + (sigma[1] - sigma[0]) * uniform[:, 0],
        jitter=branch & (fires < jitter),
        grey=~branch & (fires < grey),
        amounts=(2 * uniform[:, 3:7] - 1) * strength + torch.tensor([1.0, 1.0, 1.0, 0.0]),
        order=uniform[:, 7:].argsort(dim=1),
    )


def student_view(
    images: Tensor,
    parameters: PhotometricParameters,
    preset: str = 'paper',
    normalised: bool = True,
    mean: Sequence[float] = IMAGENET_MEAN,
    std: Sequence[float] = IMAGENET_STD,
) -> Tensor:
    """Photometric views I' of a batch of pictures, on the scale the pictures came in.

    `preset='paper'` augments the *normalised* picture, as published. Jittering blends and clamps to 0..1 (torchvision,
    for float tensors), hence in every jittered picture all values below the mean become the mean and all above one
    standard deviation become that. `preset='fixed'` augments the picture in 0..1 instead, where the clamp does what it
    is meant to; that is another method than the published one.

    Args:
        images: RGB, floating, `[B, 3, H, W]`.
        parameters: From :func:`draw_photometric`, for B pictures.
        preset: `'paper'` or `'fixed'`.
        normalised: Whether `images` are normalised by `mean` and `std`, or in 0..1.
        mean: Mean of each channel, for pictures in 0..1.
        std: Standard deviation of each channel, likewise.

    Returns:
        `[B, 3, H, W]`, of the scale and type of `images`.

    Raises:
        ValueError: `images` are not floating RGB pictures, are of another number than the parameters or smaller than
            the blur's kernel reaches, or there is no such preset.
    """
    if preset not in PRESETS:
        raise ValueError(f'there is no preset {preset!r}: use one of {", ".join(PRESETS)}')
    _check_images(images, len(parameters.sigma))
    if (preset == 'paper') == normalised:
        return _augment(images, parameters)
    shift, scale = (images.new_tensor(value).view(1, 3, 1, 1) for value in (mean, std))
    if normalised:
        return (_augment(images * scale + shift, parameters) - shift) / scale
    return _augment((images - shift) / scale, parameters) * scale + shift


def _augment(images: Tensor, parameters: PhotometricParameters) -> Tensor:
    """Blur, then jitter or make grey, on whatever scale `images` `[B, 3, H, W]` are; a jittered one ends in 0..1."""
    views = gaussian_blur(images, parameters.sigma)
    for index in parameters.jitter.nonzero().flatten().tolist():
        views[index] = _jitter(views[index], parameters.amounts[index], parameters.order[index])
    for index in parameters.grey.nonzero().flatten().tolist():
        views[index] = vision.rgb_to_grayscale(views[index], num_output_channels=3)
    return views


def gaussian_blur(images: Tensor, sigma: Tensor, kernel_size: int = 21) -> Tensor:
    """Blur every picture by its own amount: torchvision's `gaussian_blur`, batched and as two one-dimensional passes.

    Args:
        images: `[B, C, H, W]`, floating; H and W above half the kernel (the border is reflected).
        sigma: Standard deviations in pixels, `[B]`.
        kernel_size: Odd number of taps.
    """
    radius = kernel_size // 2
    batch, channels, height, width = images.shape
    offset = torch.arange(-radius, radius + 1, dtype=torch.float32)
    kernel = (-0.5 * (offset / sigma.float().view(-1, 1)) ** 2).softmax(dim=1)
    kernel = kernel.to(images).repeat_interleave(channels, dim=0).view(-1, 1, 1, kernel_size)
    padded = F.pad(images, (radius,) * 4, mode='reflect').view(1, -1, height + 2 * radius, width + 2 * radius)
    rows = F.conv2d(padded, kernel, groups=batch * channels)
    return F.conv2d(rows, kernel.transpose(2, 3), groups=batch * channels).view_as(images)


def _jitter(image: Tensor, amounts: Tensor, order: Tensor) -> Tensor:
    """Adjust brightness, contrast, saturation and hue of one picture in the given order."""
    for step in order.tolist():
        image = _ADJUST[step](image, float(amounts[step]))
    return image


def _check_images(images: Tensor, count: int, radius: int = 10) -> None:
    if images.ndim != 4 or images.shape[1] != 3 or not images.is_floating_point():
        raise ValueError(f'pictures must be floating [B, 3, H, W], not {images.dtype} {tuple(images.shape)}')
    if images.shape[0] != count:
        raise ValueError(f'parameters of {count} pictures were given for {images.shape[0]} pictures')
    if min(images.shape[2:]) <= radius:
        raise ValueError(f'pictures of {tuple(images.shape[2:])} are too small to blur: each side must exceed {radius}')
