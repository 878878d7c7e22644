# LightCluster on keys of dino_vits8.
_base_ = ['_base_/lightcluster/voc2012.py', '_base_/lightcluster/vit.py', '_base_/lightcluster/runtime.py']
model = dict(backbone=dict(model_name='dino_vits8'), num_classes=21)
