"""Sphinx's settings for the site; docs/build_site.py gathers the pages and starts it."""

project = "Reading Faces"
author = "the Reading Faces contributors"
copyright = "the Reading Faces contributors; code MIT, text CC BY 4.0"

extensions = ["myst_nb"]
exclude_patterns = ["notebooks/pictures/**"]

nb_execution_mode = "off"  # the notebooks are shown as they were run
nb_ipywidgets_js = {}  # widgets do not live on a page, and their scripts would come from afar
myst_enable_extensions = ["html_image"]  # an <img> with a width is a picture, too
myst_heading_anchors = 4  # a link to a heading works as it does on GitHub

html_theme = "furo"
html_title = "Reading Faces"
html_copy_source = False
html_show_sourcelink = False
html_static_path = ["static"]
html_css_files = ["course.css"]
html_use_index = False  # the course defines no terms of its own; the search finds everything

# For build_site.py --links, which asks every address; publishers behind doi.org turn programs away.
linkcheck_ignore = [r"https://doi\.org/"]
linkcheck_anchors = False
linkcheck_retries = 2
