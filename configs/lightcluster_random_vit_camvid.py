# A small ViT with random weights: shows that the whole command runs, and what no learned feature is worth.
_base_ = ['_base_/lightcluster/camvid.py', '_base_/lightcluster/vit.py', '_base_/lightcluster/runtime.py']
model = dict(
    backbone=dict(
        model_name='vit_tiny_patch16_224', pretrained=False, model_kwargs=dict(depth=4, embed_dim=96, num_heads=3)
    ),
    num_classes=11,
)
