# The comparison of features: values in place of keys.
_base_ = './lightcluster_dino_vits8_voc2012.py'
model = dict(backbone=dict(feature='value'))
