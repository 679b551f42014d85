"""The pages on which curators say what the photos are; the pipeline never imports it.

server      starts Streamlit on a port of this machine, and ends it on Done
listening   the port; headers: what every answer says; logins: what a failed one says
app         the page: who is here (entrance, team), where they can go, what is mounted
mounting    the component, whose files lie in component/: one photo, grid, groups
routes      what the component talks to (api/), with tokens (access)
office      what lies behind the routes: the set's catalog and
              shelf      every photo, in memory, following the journal
              worklist   which photo comes next: pure
              lines      the orders that curators are going through
              pictures   thumbnails and large photos
learning    starts what learns from the labels meanwhile
sheets/     the pages drawn in Python: progress, settings and help
words/      what the pages say, in English and Japanese
ending      how the page tells the server that the curator is done
"""
