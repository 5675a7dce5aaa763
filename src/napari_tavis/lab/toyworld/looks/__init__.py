"""How the toy world's classes look: each a function of style and time that gives vector shapes."""
