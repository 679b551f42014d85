"""The pages on which curators say what the photos are; the pipeline never imports it.

server    starts Streamlit on a port of this machine, and ends it on Done
app       the page, top to bottom; bar and panel are its parts
desk      what lies behind it: the catalog, the cursor, what a press does
shelf     the photos, held in memory between presses
worklist  which photo comes next: pure
ending    how the page tells the server that the curator is done
"""
