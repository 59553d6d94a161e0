"""From an outline and heights to a closed solid of so many triangles: what engines of every family build with."""
