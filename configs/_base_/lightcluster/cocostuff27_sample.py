# The 12 coarse classes of things are the foreground of the binary masks.
_base_ = '../datasets/cocostuff27_sample.py'
val_evaluator = dict(
    _delete_=True,
    type='LightClusterMetric',
    foreground=[
        'electronic', 'appliance', 'food (things)', 'furniture (things)', 'indoor', 'kitchen', 'accessory', 'animal',
        'outdoor', 'person', 'sports', 'vehicle',
    ],
)
test_evaluator = val_evaluator
