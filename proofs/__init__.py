"""Why it holds: the engines that decide the claims, and their evidence."""
