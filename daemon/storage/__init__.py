"""storage: files and the database, and nothing about what is in them."""
