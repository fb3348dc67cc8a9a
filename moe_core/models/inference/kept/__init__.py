"""What passes leave for those to come: residual streams, the keys and values of prompts."""
