"""The mathematics: pure torch functions, no OpenMMLab import."""
