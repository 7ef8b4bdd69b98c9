"""The HTTP room as an application, over scripted services."""
