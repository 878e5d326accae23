"""What operators decide, in the admin."""
