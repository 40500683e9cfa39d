"""Pure functions from documents to figures, tables and texts; no streamlit."""
