# LightCluster on a few COCO-Stuff pictures with ImageNet MobileNetV2 features; too few for 26 groups.
_base_ = [
    '_base_/lightcluster/cocostuff27_sample.py', '_base_/lightcluster/mobilenetv2.py',
    '_base_/lightcluster/runtime.py',
]
model = dict(num_classes=27, method=dict(categories=4))
lightcluster = dict(proposals='clusters')
