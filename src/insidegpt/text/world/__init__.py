"""A closed world: a shop, its products and its customers, with a truth to ask for."""
