"""What several components share."""

from .features import select_feature
from .frozen import drop_frozen_parameters, freeze, frozen_modules
from .prototypes import Prototypes
from .typing import Segmentor

__all__ = ['Prototypes', 'Segmentor', 'drop_frozen_parameters', 'freeze', 'frozen_modules', 'select_feature']
