"""The mathematics: pure torch functions, no OpenMMLab import."""

from .cluster_statistics import ClusterStatistics, assign_clusters
from .correspondence import CorrespondenceTerm, correspondence_loss
from .dense_crf import dense_crf
from .distributed import merge_over_processes
from .feature_sample import FeatureSample
from .hidden_positives import attention_mix, hidden_positive_loss, specific_weight
from .kmeans import KMeansResult, kmeans, kmeans_plus_plus
from .losses import class_frequencies, cosine_kmeans_loss, prototype_focal_loss
from .majority_vote import majority_vote
from .momentum import momentum_decay
from .photometric import PhotometricParameters, draw_photometric, gaussian_blur, student_view
from .principal_masks import principal_masks
from .prototypes import prototype_logits, upsampled_length
from .proposals import PROPOSALS_VERSION, mask_proposals
from .refine_masks import refine_masks
from .scores import confusion_matrix, match_clusters, segmentation_scores
from .streaming_pca import StreamingPCA
from .upsampling import upsample, upsampled_argmax

__all__ = [
    'ClusterStatistics',
    'CorrespondenceTerm',
    'FeatureSample',
    'KMeansResult',
    'PROPOSALS_VERSION',
    'PhotometricParameters',
    'StreamingPCA',
    'assign_clusters',
    'attention_mix',
    'class_frequencies',
    'confusion_matrix',
    'correspondence_loss',
    'cosine_kmeans_loss',
    'dense_crf',
    'draw_photometric',
    'gaussian_blur',
    'hidden_positive_loss',
    'kmeans',
    'kmeans_plus_plus',
    'majority_vote',
    'mask_proposals',
    'match_clusters',
    'merge_over_processes',
    'momentum_decay',
    'principal_masks',
    'prototype_focal_loss',
    'prototype_logits',
    'refine_masks',
    'segmentation_scores',
    'specific_weight',
    'student_view',
    'upsample',
    'upsampled_argmax',
    'upsampled_length',
]
