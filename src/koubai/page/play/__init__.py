"""Free play: a recipe put together in the browser, trained while one looks, one beside the other."""
