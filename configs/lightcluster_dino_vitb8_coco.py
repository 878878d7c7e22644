# LightCluster on keys of dino_vitb8.
_base_ = ['_base_/lightcluster/coco81.py', '_base_/lightcluster/vit.py', '_base_/lightcluster/runtime.py']
model = dict(backbone=dict(model_name='dino_vitb8'), num_classes=81)
