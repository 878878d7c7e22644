# The k-means baseline beside quickstart.py: no proposals, no augmentation.
_base_ = './quickstart.py'
model = dict(decode_head=dict(type='CosineKMeansHead'))
train_dataloader = dict(dataset=dict(pipeline=_base_.clean_pipeline))
custom_hooks = [dict(type='FeatureStoreHook'), dict(type='PrototypeInitHook', epochs=0)]
