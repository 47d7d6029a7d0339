"""Watch what is served: a window of the inference log beside the data of the training."""
