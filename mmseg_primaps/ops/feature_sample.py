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
        self._keys: Tensor | None = None
        self._rows: Tensor | None = None
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
        return self if other._keys is None or other._rows is None else self._add(other._keys, other._rows)

    def rows(self) -> Tensor:
        """The sample, float32 `[n, C]`, in the order of the keys (which is random and reproducible).

        Raises:
            ValueError: No features were offered.
        """
        if self._keys is None or self._rows is None:
            raise ValueError('no features were offered: call update first')
        order = self._keys.argsort()[: self.size]
        self._keys, self._rows = self._keys[order], self._rows[order]
        return self._rows

    def state_dict(self) -> dict[str, Tensor]:
        """What another process needs to merge this sample."""
        seen = {'seen': torch.tensor(self.seen)}
        if self._keys is None:
            return seen
        rows = self.rows()
        return {**seen, 'rows': rows, 'keys': self._keys}

    def load_state_dict(self, state: dict[str, Tensor]) -> 'FeatureSample':
        """Continue from what :meth:`state_dict` gave; returns itself."""
        self.seen, self._keys, self._rows = int(state['seen']), state.get('keys'), state.get('rows')
        return self

    def _add(self, keys: Tensor, rows: Tensor) -> 'FeatureSample':
        if self._keys is None or self._rows is None:
            self._keys, self._rows = keys, rows
        else:
            self._keys, self._rows = torch.cat([self._keys, keys.to(self._keys)]), torch.cat([self._rows, rows])
        if len(self._keys) > 2 * self.size:
            self.rows()
            self._limit = float(self._keys[-1])
        return self


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
