# COCO-Stuff, 27 classes, as STEGO and HP train on it: five crops of the full list; validation on list 7.
_base_ = './stego_crops.py'
data_root = 'data/cocostuff'
train_dataloader = dict(
    batch_size=32, num_workers=2, persistent_workers=True, drop_last=True,
    sampler=dict(type='GlobalBatchSampler', shuffle=True),
    dataset=dict(
        type='FiveCropDataset', source='COCOStuff27Dataset', data_root=data_root, split='train',
        pipeline={{_base_.train_pipeline}},
    ),
)
val_dataloader = dict(dataset=dict(type='COCOStuff27Dataset', data_root=data_root, subset=7))
test_dataloader = val_dataloader
