# Potsdam, 3 classes, as STEGO and HP train on it: no crops, patches of 200 are enlarged to 224.
_base_ = './stego_crops.py'
data_root = 'data/potsdam'
train_dataloader = dict(
    batch_size=32, num_workers=2, persistent_workers=True, drop_last=True,
    sampler=dict(type='GlobalBatchSampler', shuffle=True),
    dataset=dict(
        type='Potsdam3Dataset', data_root=data_root, pipeline={{_base_.train_pipeline}}, split='train',
    ),
)
val_dataloader = dict(dataset=dict(type='Potsdam3Dataset', data_root=data_root))
test_dataloader = val_dataloader
