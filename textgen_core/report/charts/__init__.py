"""Charts as inline SVG, drawn without a library so that the page needs no script."""
