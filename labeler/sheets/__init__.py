"""Pages that Streamlit draws: how far the work is, and how each curator wants it.

tallies    what was done, by category, by curator, by day: pure
charts     the same in pictures, as HTML that stands by itself: pure
progress   the page Progress
keymaps    which key does what, and what may not: pure
settings   the page Settings and help
"""
