"""mekiki's stages, in the order they run: each reads what the one before it left.

scrape → dedup → label → split → train → robustness → check

``suspects`` may be asked once there are groups: which labels look wrong.
"""
