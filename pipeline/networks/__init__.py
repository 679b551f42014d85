"""What TensorFlow and Keras are needed for; imported only by commands that train.

backend      Keras, imported without its start-up lines
weights      which weights are meant, and what tells them from others (no Keras)
rows         arrays by key, in files that only grow (no Keras)
pixels       photos as the network takes them, cached (no Keras)
nin          Network in Network
backbones    networks by name, with or without ImageNet weights
embeddings   frozen features of photos, cached
head         a linear classifier on embeddings
saved        a run's model in and out
"""
