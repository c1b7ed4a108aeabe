"""Lists of the desk: what they show, filter and sort by, read in pages; saved views and exports."""
