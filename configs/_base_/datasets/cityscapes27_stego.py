# Cityscapes, 27 classes, as STEGO and HP train on it: the five crops that tools/prepare_dataset.py --five-crops makes.
_base_ = './stego_crops.py'
data_root = 'data/cityscapes'
train_dataloader = dict(
    batch_size=32, num_workers=2, persistent_workers=True, drop_last=True,
    sampler=dict(type='GlobalBatchSampler', shuffle=True),
    dataset=dict(
        type='FiveCropDataset', source='Cityscapes27Dataset', data_root=data_root, split='train',
        pipeline={{_base_.train_pipeline}},
    ),
)
val_dataloader = dict(dataset=dict(type='Cityscapes27Dataset', data_root=data_root))
test_dataloader = val_dataloader
