"""Metrics."""

from .cluster_iou_metric import ClusterIoUMetric
from .lightcluster_metric import LightClusterMetric

__all__ = ['ClusterIoUMetric', 'LightClusterMetric']
