"""What the operating system does and does not promise: files, folders, signals, terminals."""
