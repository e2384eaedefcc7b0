"""What is done with files afterwards: merged, summed up, deleted, in the background."""
