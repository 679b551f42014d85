"""What TensorFlow and Keras are needed for; imported only by commands that train.

backbones    networks by name, with or without ImageNet weights
embeddings   frozen features of photos, cached
head         a linear classifier on embeddings
saved        a run's model in and out
"""
