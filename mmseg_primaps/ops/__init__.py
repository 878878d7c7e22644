"""The mathematics: pure torch functions, no OpenMMLab import."""

from .losses import class_frequencies, cosine_kmeans_loss, prototype_focal_loss
from .majority_vote import majority_vote
from .momentum import momentum_decay
from .prototypes import prototype_logits
from .scores import confusion_matrix, match_clusters, segmentation_scores
from .streaming_pca import StreamingPCA
