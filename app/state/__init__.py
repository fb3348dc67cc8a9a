"""All that the window shows as one frozen value, the session that replaces it, and the data of the open trace."""
