"""What routers do in a pass, and how it becomes records."""
