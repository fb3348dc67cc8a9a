"""Tables of one array a column: sorted, filtered, exported as they stand."""
