"""Pipeline steps: load, scale, crop, load proposals, pack."""

from .crop import CenterCropSeg
from .hp_view import HPView
from .loading import LoadCheckedImage, LoadMappedAnnotations
from .neighbours import AddNeighbour
from .packing import PackProposalInputs
from .proposals import LoadMaskProposals, proposal_path
from .resize import ResizeShortSide
from .stored import LoadPictureSize, PackStoredFeatures
from .student_view import StudentView

__all__ = [
    'AddNeighbour',
    'CenterCropSeg',
    'HPView',
    'LoadCheckedImage',
    'LoadMappedAnnotations',
    'LoadMaskProposals',
    'LoadPictureSize',
    'PackProposalInputs',
    'PackStoredFeatures',
    'ResizeShortSide',
    'StudentView',
    'proposal_path',
]
