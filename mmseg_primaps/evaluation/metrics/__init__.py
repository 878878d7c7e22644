"""Metrics."""

from .cluster_iou_metric import ClusterIoUMetric

__all__ = ['ClusterIoUMetric']
