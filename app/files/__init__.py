"""What a person does with files: traces, masks, reports."""
