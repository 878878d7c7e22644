# LightCluster on keys of dinov2_vitb14.
_base_ = ['_base_/lightcluster/coco81_14.py', '_base_/lightcluster/vit.py', '_base_/lightcluster/runtime.py']
model = dict(backbone=dict(model_name='dinov2_vitb14'), num_classes=81)
