# A small ViT with random weights on a few COCO-Stuff pictures: what no learned feature is worth.
_base_ = ['_base_/lightcluster/cocostuff27_sample.py', '_base_/lightcluster/vit.py', '_base_/lightcluster/runtime.py']
model = dict(
    backbone=dict(
        model_name='vit_tiny_patch16_224', pretrained=False, model_kwargs=dict(depth=4, embed_dim=96, num_heads=3)
    ),
    num_classes=27, method=dict(categories=4),
)
