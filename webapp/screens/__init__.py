"""The pages' layout, each a script that streamlit runs from `app`."""
