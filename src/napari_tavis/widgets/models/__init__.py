"""The dialog *Models*: what is installed, what can be downloaded, and files to import."""
