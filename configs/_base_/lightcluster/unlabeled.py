# A user's own pictures: set data_root and num_classes (background and objects together). Nothing is evaluated.
_base_ = '../datasets/unlabeled.py'
val_evaluator = None
test_evaluator = None
