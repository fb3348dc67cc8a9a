"""What the views show, made from the state: values, tables, words and colours; nothing here draws."""
