"""Pipeline steps: load, scale, crop, load proposals, pack."""

from .crop import CenterCropSeg
from .loading import LoadCheckedImage, LoadMappedAnnotations
from .packing import PackProposalInputs
from .proposals import LoadMaskProposals, proposal_path
from .resize import ResizeShortSide
from .stored import LoadPictureSize, PackStoredFeatures
from .student_view import StudentView

__all__ = [
    'CenterCropSeg',
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
