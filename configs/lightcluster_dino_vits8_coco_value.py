# The comparison of features: values in place of keys.
_base_ = './lightcluster_dino_vits8_coco.py'
model = dict(backbone=dict(feature='value'))
