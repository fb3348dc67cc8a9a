"""What a package that extends moescope looks like; `entry_points.txt` beside it is what its pyproject.toml makes."""
