"""``retouch batch``: one recipe, many pictures, through the daemon; see docs/recipes.md."""
