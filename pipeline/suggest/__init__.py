"""Learns while people label: embeddings and labels → what the other photos show.

classify   a classifier that does with a few labels a category
order      which photo helps most next
learn      both, and what is made of them for people
kept       what was learned, in the cache, between the processes
looking    photos → features, as far as they can be looked at
watching   what people said, followed through the journal
refresh    learning in the background, beside the labeler
replay     labels revealed in an order, and what is learned when
simulate   a known truth replayed: how many labels does it take
"""
