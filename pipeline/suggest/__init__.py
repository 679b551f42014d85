"""Learns while people label: embeddings and labels → what the other photos show.

classify   a classifier that does with a few labels a category
order      which photo helps most next
learn      both, and what is made of them for people
kept       what was learned, in the cache, between the processes
refresh    the process that learns in the background
simulate   a known truth replayed: how many labels does it take
"""
