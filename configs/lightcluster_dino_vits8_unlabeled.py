# LightCluster on a user's own pictures: --cfg-options data_root=DIR num_classes=12.
_base_ = ['_base_/lightcluster/unlabeled.py', '_base_/lightcluster/vit.py', '_base_/lightcluster/runtime.py']
model = dict(num_classes=27)
