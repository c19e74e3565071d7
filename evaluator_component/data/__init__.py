"""Files of examples → batches of the columns that are needed."""
