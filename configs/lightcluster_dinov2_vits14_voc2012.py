# LightCluster on keys of dinov2_vits14.
_base_ = ['_base_/lightcluster/voc2012_14.py', '_base_/lightcluster/vit.py', '_base_/lightcluster/runtime.py']
model = dict(backbone=dict(model_name='dinov2_vits14'), num_classes=21)
