"""Pictures of a contagion analysis: a drawing to print, and a page to explore."""
