"""The routes that the page's component talks to, all under ``/mekiki/``.

assets   its own files, the same for everybody
photos   what comes next, pages, pictures
saying   what curators say, what others said meanwhile, the end
groups   copies of one picture, side by side
cams     what the newest run looks at in a photo

All but the assets ask for a token, and nothing else of what is answered is cached.
"""
