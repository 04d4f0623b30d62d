"""Pictures of reports and pages, drawn once: plain marks, said and written as SVG at the edge."""
