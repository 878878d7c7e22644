# The comparison of features: queries in place of keys.
_base_ = './lightcluster_dino_vits8_coco.py'
model = dict(backbone=dict(feature='query'))
