"""Parts of views and dialogs that are too large to stand in them: widgets that know traces."""
