# LightCluster on real street scenes with ImageNet MobileNetV2 features; its masks also as proposals.
_base_ = ['_base_/lightcluster/camvid.py', '_base_/lightcluster/mobilenetv2.py', '_base_/lightcluster/runtime.py']
model = dict(num_classes=11)
lightcluster = dict(proposals='clusters')
