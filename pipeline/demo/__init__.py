"""A made-up guitar shop: drawn, served on loopback, put through every stage.

shop draws and plants, site serves. Everything comes from one seed.
"""
