# The comparison of features: tokens in place of keys.
_base_ = './lightcluster_dinov2_vits14_voc2012.py'
model = dict(backbone=dict(feature='token'))
