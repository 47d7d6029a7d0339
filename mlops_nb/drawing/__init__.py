"""What cards, tables and reports are drawn with: HTML of escaped values, SVG, and words."""
