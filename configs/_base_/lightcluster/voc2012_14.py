# voc2012.py for patches of 14 pixels: crops of 322 = 23 x 14.
_base_ = './voc2012.py'
crop_size = 322
for __part in ('train', 'val', 'test'):
    __pipeline = _base_[f'{__part}_dataloader'].dataset.pipeline
    for __step in [*__pipeline, *_base_.clean_pipeline, *_base_.get(f'{__part}_pipeline', [])]:
        if 'size' in __step:
            __step.size = crop_size
        if 'size_divisor' in __step:
            __step.size_divisor = 14
