# The k-means baseline beside quickstart.py: as many epochs as that takes for start and EM; no proposals, no flips.
_base_ = './quickstart.py'
model = dict(decode_head=dict(type='CosineKMeansHead'))
custom_hooks = [dict(type='FeatureStoreHook'), dict(type='PrototypeInitHook', epochs=0)]
train_cfg = dict(max_epochs=30, val_interval=30)
train_dataloader = dict(dataset=dict(pipeline=_base_.clean_pipeline))
