# The k-means baseline on a frozen ViT: no student view.
_base_ = './primaps_vit.py'
model = dict(data_preprocessor=dict(student_view=None), decode_head=dict(type='CosineKMeansHead'))
