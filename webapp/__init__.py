"""The dashboard: what the forecast says, and how far to believe it.

    languages   every text of the pages, one TOML file per language, one table per page
    read_model  what lies in the store, parsed once; a problem is listed, never raised
    views       pure: documents -> figures, tables and texts; streamlit is not imported
    frame       what every page is given: the deployment, the words, the zone, the clock
    screens     the pages' layout, one script per page
    app         the entry: sidebar, navigation, and the net under every page

It reads the store alone: neither a model nor a feature is imported, so that the web image carries
no model library. Where do I go to …

- add a page: `screens/<page>.py`, `views/<page>.py`, a table per language, a line in `app.PAGES`
- show a new document: a method of `read_model.deployment.Deployment`
- change a colour or a symbol: `views/palette.py`
"""
