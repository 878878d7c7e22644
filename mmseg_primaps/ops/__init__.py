"""The mathematics: pure torch functions, no OpenMMLab import."""

from .cluster_statistics import ClusterStatistics, assign_clusters
from .consistency import consistent_foreground, whole_regions
from .correspondence import CorrespondenceTerm, correspondence_loss
from .dense_crf import dense_crf
from .distributed import (
    loss_of_all_processes,
    mean_over_processes,
    merge_over_processes,
    process_count,
    sum_over_processes,
    sums_of_all_processes,
)
from .feature_sample import FeatureSample
from .foreground import (
    ClusterEvidence,
    border_mask,
    cluster_evidence,
    feature_norm_saliency,
    foreground_clusters,
    foreground_patches,
    foreground_scores,
    relative_saliency,
)
from .hidden_positives import attention_mix, hidden_positive_loss, specific_weight
from .kmeans import KMeansResult, kmeans, kmeans_plus_plus
from .losses import class_frequencies, cosine_kmeans_loss, prototype_focal_loss
from .majority_vote import majority_vote
from .momentum import momentum_decay
from .photometric import PhotometricParameters, draw_photometric, gaussian_blur, student_view
from .pixel_argmax import upsampled_argmax
from .principal_masks import principal_masks
from .proposal_agreement import ProposalAgreement, proposal_histogram
from .proposal_counts import ProposalCounts, count_proposals
from .proposals import PROPOSALS_VERSION, mask_proposals
from .prototypes import prototype_logits, upsampled_length
from .refine_masks import refine_masks
from .regions import (
    connected_regions,
    proposal_regions,
    region_boxes,
    region_crops,
    region_tokens,
    split_background,
)
from .scores import confusion_matrix, match_clusters, segmentation_scores
from .streaming_pca import StreamingPCA
from .upsampling import upsample

__all__ = [
    'ClusterEvidence',
    'ClusterStatistics',
    'CorrespondenceTerm',
    'FeatureSample',
    'KMeansResult',
    'PROPOSALS_VERSION',
    'PhotometricParameters',
    'ProposalAgreement',
    'ProposalCounts',
    'StreamingPCA',
    'assign_clusters',
    'attention_mix',
    'border_mask',
    'class_frequencies',
    'cluster_evidence',
    'confusion_matrix',
    'connected_regions',
    'consistent_foreground',
    'correspondence_loss',
    'cosine_kmeans_loss',
    'count_proposals',
    'dense_crf',
    'draw_photometric',
    'feature_norm_saliency',
    'foreground_clusters',
    'foreground_patches',
    'foreground_scores',
    'gaussian_blur',
    'hidden_positive_loss',
    'kmeans',
    'kmeans_plus_plus',
    'loss_of_all_processes',
    'majority_vote',
    'mask_proposals',
    'match_clusters',
    'mean_over_processes',
    'merge_over_processes',
    'momentum_decay',
    'principal_masks',
    'process_count',
    'proposal_histogram',
    'proposal_regions',
    'prototype_focal_loss',
    'prototype_logits',
    'refine_masks',
    'region_boxes',
    'region_crops',
    'region_tokens',
    'relative_saliency',
    'segmentation_scores',
    'specific_weight',
    'split_background',
    'student_view',
    'sum_over_processes',
    'sums_of_all_processes',
    'upsample',
    'upsampled_argmax',
    'upsampled_length',
    'whole_regions',
]
