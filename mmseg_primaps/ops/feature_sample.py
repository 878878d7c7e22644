"""A uniform sample of features from a stream, the same however the stream is cut."""

import torch
from torch import Tensor


class FeatureSample:
    """At most `size` features drawn uniformly, without replacement, from a stream of any length.

    Every feature has a pseudo-random key that depends on the seed, the number of its picture and its place therein, and
    the features with the smallest keys are kept. Hence batches, their order and the process that saw them do not
    matter: samples of several processes, merged, are to the bit the sample of one process. Memory is that of twice the
    sample.

    Example:
        >>> sample = FeatureSample(100, seed=0)
        >>> sample.update(torch.rand(2, 8, 5, 5), torch.tensor([0, 1])).rows().shape
        torch.Size([50, 8])
    """

    def __init__(self, size: int, seed: int = 0) -> None:
        if size < 1:
            raise ValueError(f'a sample needs at least one feature, not {size}')
        self.size, self.seed, self.seen = size, seed, 0
        self._parts: list[tuple[Tensor, Tensor]] = []
        self._kept = 0
        self._limit = 1.0

    def update(self, features: Tensor, indices: Tensor) -> 'FeatureSample':
        """Offer features to the sample; returns itself.

        Args:
            features: `[B, C, h, w]` or `[N, C]`.
            indices: Number of each picture `[B]` (or feature `[N]`) in the whole data set, unique.

        Raises:
            ValueError: Another number of indices than of pictures or features.
        """
        if indices.shape != features.shape[:1]:
            raise ValueError(
                f'{features.shape[0]} pictures or features need as many indices, not {tuple(indices.shape)}'
            )
        grid = features.detach().flatten(2) if features.ndim > 2 else features.detach().unsqueeze(2)
        places = grid.shape[2]
        self.seen += len(grid) * places
        keys = random_keys(self.seed, indices.to(grid.device), places).flatten()
        wanted = (keys < self._limit).nonzero().squeeze(1)
        return self._add(keys[wanted], grid[wanted // places, :, wanted % places].float())

    def merge(self, other: 'FeatureSample') -> 'FeatureSample':
        """Add what another sample of the same size and seed has kept; returns itself."""
        self.seen += other.seen
        return self._add(*other._sorted()) if other._parts else self

    def rows(self) -> Tensor:
        """The sample, float32 `[n, C]`, in the order of the keys (which is random and reproducible).

        Raises:
            ValueError: No features were offered.
        """
        if not self._parts:
            raise ValueError('no features were offered: call update first')
        return self._sorted()[1]

    def state_dict(self) -> dict[str, Tensor]:
        """What another process needs to merge this sample."""
        seen = {'seen': torch.tensor(self.seen)}
        return {**seen, **dict(zip(('keys', 'rows'), self._sorted(), strict=True))} if self._parts else seen

    def load_state_dict(self, state: dict[str, Tensor]) -> 'FeatureSample':
        """Continue from what :meth:`state_dict` gave; returns itself."""
        self.seen, self._kept, self._limit = int(state['seen']), 0, 1.0
        self._parts = []
        return self._add(state['keys'], state['rows']) if 'keys' in state else self

    def _add(self, keys: Tensor, rows: Tensor) -> 'FeatureSample':
        self._parts.append((keys, rows))
        self._kept += len(keys)
        if self._kept > 2 * self.size:
            self._limit = float(self._sorted()[0][-1])
        return self

    def _sorted(self) -> tuple[Tensor, Tensor]:
        """Keys and rows of the sample in the order of the keys; forgets what does not belong to it."""
        keys = torch.cat([keys for keys, _ in self._parts])
        order = keys.argsort()[: self.size]
        places = torch.full_like(keys, -1, dtype=torch.int64)
        places[order] = torch.arange(len(order), device=keys.device)
        rows = self._parts[0][1].new_empty(len(order), self._parts[0][1].shape[1])
        # Part by part: all of them side by side would take twice the memory.
        for part, into in zip(self._parts, places.split([len(keys) for keys, _ in self._parts]), strict=True):
            kept = into >= 0
            rows[into[kept]] = part[1][kept]
        self._parts = [(keys[order], rows)]
        self._kept = len(order)
        return self._parts[0]


def random_keys(seed: int, indices: Tensor, places: int) -> Tensor:
    """Uniform numbers in 0..1 that depend on nothing but the seed, the index and the place; float64 `[B, places]`.

    Each is a hash: the mixing function of SplitMix64 (Steele, Lea and Flood, 2014) over the three numbers.
    """
    start = _mix(torch.tensor([seed], dtype=torch.int64, device=indices.device))
    picture = _mix(start + indices.long()).unsqueeze(1)
    keys = _mix(picture + torch.arange(places, device=indices.device))
    return _shift(keys, 11).double() / 2**53


def _mix(numbers: Tensor) -> Tensor:
    """Scramble 64-bit integers; the constants are SplitMix64's, written as signed numbers."""
    numbers = numbers - 0x61C8864680B583EB
    numbers = (numbers ^ _shift(numbers, 30)) * -0x40A7B892E31B1A47
    numbers = (numbers ^ _shift(numbers, 27)) * -0x6B2FB644ECCEEE15
    return numbers ^ _shift(numbers, 31)


def _shift(numbers: Tensor, bits: int) -> Tensor:
    """Logical shift to the right: zeros come in from the left whatever the sign."""
    return (numbers >> bits) & ((1 << (64 - bits)) - 1)
