"""The sections of the report, each from the files of a run to what the page shows."""
