"""Everything history does with AWS."""
