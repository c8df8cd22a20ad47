"""What the two servers have in common."""
