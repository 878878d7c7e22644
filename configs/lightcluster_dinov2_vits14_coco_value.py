# The comparison of features: values in place of keys.
_base_ = './lightcluster_dinov2_vits14_coco.py'
model = dict(backbone=dict(feature='value'))
