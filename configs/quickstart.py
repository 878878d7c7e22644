# What `make demo` trains: PriMaPs-EM on hand-crafted features and on scenes that the package makes itself.
_base_ = [
    '_base_/models/colour_texture.py', '_base_/datasets/cityscapes27.py', '_base_/schedules/primaps_50e.py',
    '_base_/default_runtime.py',
]
data_root = 'work_dirs/quickstart/scenes'
train_dataloader = dict(batch_size=16, dataset=dict(data_root=data_root))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=20, val_interval=20)
custom_hooks = [dict(type='FeatureStoreHook'), *_base_.custom_hooks]
