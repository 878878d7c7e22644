"""What several components share."""

from .features import select_feature
from .frozen import drop_frozen_parameters, freeze, frozen_modules
from .pictures import restore, to_uint8, whole_picture
from .prototypes import Prototypes
from .typing import Segmentor

__all__ = [
    'Prototypes',
    'Segmentor',
    'drop_frozen_parameters',
    'freeze',
    'frozen_modules',
    'restore',
    'select_feature',
    'to_uint8',
    'whole_picture',
]
