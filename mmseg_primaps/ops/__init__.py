"""The mathematics: pure torch functions, no OpenMMLab import."""

from .cluster_statistics import ClusterStatistics, assign_clusters
from .distributed import merge_over_processes
from .feature_sample import FeatureSample
from .kmeans import KMeansResult, kmeans, kmeans_plus_plus
from .losses import class_frequencies, cosine_kmeans_loss, prototype_focal_loss
from .majority_vote import majority_vote
from .momentum import momentum_decay
from .photometric import PhotometricParameters, draw_photometric, gaussian_blur, student_view
from .principal_masks import principal_masks
from .prototypes import prototype_logits, upsampled_length
from .scores import confusion_matrix, match_clusters, segmentation_scores
from .streaming_pca import StreamingPCA
from .upsampling import upsample, upsampled_argmax

__all__ = [
    'ClusterStatistics',
    'FeatureSample',
    'KMeansResult',
    'PhotometricParameters',
    'StreamingPCA',
    'assign_clusters',
    'class_frequencies',
    'confusion_matrix',
    'cosine_kmeans_loss',
    'draw_photometric',
    'gaussian_blur',
    'kmeans',
    'kmeans_plus_plus',
    'majority_vote',
    'match_clusters',
    'merge_over_processes',
    'momentum_decay',
    'principal_masks',
    'prototype_focal_loss',
    'prototype_logits',
    'segmentation_scores',
    'student_view',
    'upsample',
    'upsampled_argmax',
    'upsampled_length',
]
